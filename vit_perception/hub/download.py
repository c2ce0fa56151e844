"""A public model's files, from where its publisher keeps them, for as long as it takes to adopt it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vit_perception.checkpoints.download import TIMEOUT, Progress, fetch, repository_page, torch_cache_path
from vit_perception.checkpoints.download_errors import (
    check_hash,
    check_online,
    check_size,
    wrap_download_errors,
)
from vit_perception.hub.families.files import CONFIG, PROCESSORS, PUBLISHED_WEIGHTS, SIDECARS
from vit_perception.hub.licences import of_hugging_face, of_torchvision
from vit_perception.hub.names import DRAFT, PublicName
from vit_perception.hub.report import Report

# A model on disk is twice as large while it is adopted, and has a graph beside it.
_SPACE = 2.2
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
# Weights that are not opened: pickles, which can run code, and those of other frameworks.
_OTHERS = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx")


@contextmanager
def download(public: PublicName, store: Path, report: Report) -> Iterator[tuple[Path, str, str]]:
    """(folder, where its files are from, licence) of a public model. The folder is in `store`, which exists;
    it is removed at the end of the block.

    Raises:
        FileNotFoundError: there is no such model, or it cannot be reached.
        ValueError: it cannot be used, or came damaged. OSError: it cannot be stored.
    """
    with tempfile.TemporaryDirectory(prefix=DRAFT, dir=store) as temporary:
        folder = Path(temporary) / public.folder
        folder.mkdir()
        get = _from_torchvision if public.scheme == "torchvision" else _from_hub
        try:
            source, licence = get(public, folder, report)
            yield folder, source, licence
        except (FileNotFoundError, ValueError) as error:
            # Whatever is wrong in it, the folder will be gone when the user reads of it.
            kind = FileNotFoundError if isinstance(error, FileNotFoundError) else ValueError
            raise kind(str(error).replace(str(folder), str(public))) from error


def otherwise(public: PublicName) -> str:
    """How to do without a network."""
    return f"copy the folder that `vit-perception models fetch {public} --to DIR` makes elsewhere"


def _from_hub(public: PublicName, folder: Path, report: Report) -> tuple[str, str]:
    check_online(str(public), otherwise(public))
    from huggingface_hub import HfApi

    from vit_perception.hub.build import check_public

    repository = public.name if public.scheme == "hf" else f"timm/{public.name}"
    report(f"looking for {public}")
    with wrap_download_errors(str(public), repository_page(repository), otherwise(public)):
        info = HfApi(endpoint=_endpoint()).model_info(
            repository, revision=public.revision, files_metadata=True, timeout=TIMEOUT
        )
    files = {file.rfilename: file for file in info.siblings or ()}
    settings = [name for name in SIDECARS if name in files]
    weights = _weights(public, files)
    _check_space(public, folder, sum(files[name].size or 0 for name in (*settings, *weights)))
    source = f"hf:{repository}@{info.sha}"
    # What cannot be used is refused before gigabytes of it have come.
    _fetch_files(public, folder, source, [files[name] for name in settings], lambda _: None)
    check_public(folder)
    _fetch_files(public, folder, source, [files[name] for name in weights], report)
    return source, of_hugging_face(info)


def _weights(public: PublicName, files: Mapping[str, Any]) -> list[str]:
    """Files of a repository that hold its weights.

    Raises:
        FileNotFoundError, ValueError: it has none that are opened, or lacks what a model needs.
    """
    if CONFIG not in files:
        raise FileNotFoundError(
            f"{public} has no {CONFIG}, so that it is no model of transformers' or timm's: choose another"
        )
    if public.scheme == "hf" and not public.name.startswith("timm/") and not any(map(files.get, PROCESSORS)):
        raise FileNotFoundError(
            f"{public} has no {PROCESSORS[0]}, which says how its images are prepared: choose a model for "
            "images, or a revision that has it"
        )
    if PUBLISHED_WEIGHTS[0] in files:
        return [PUBLISHED_WEIGHTS[0]]
    if PUBLISHED_WEIGHTS[1] in files:
        return [PUBLISHED_WEIGHTS[1], *sorted(filter(_SHARD.fullmatch, files))]
    if others := [name for name in files if name.endswith(_OTHERS)]:
        raise ValueError(
            f"{public} has no safetensors but {others[0]}, and no others are opened, for a pickle can run "
            "code: choose a revision or a model that has them"
        )
    raise FileNotFoundError(f"{public} has no {PUBLISHED_WEIGHTS[0]}: choose a model with weights")


def _fetch_files(public: PublicName, folder: Path, source: str, files: Iterable[Any], report: Report) -> None:
    """Files of one commit, each compared with what the hub says of it."""
    from huggingface_hub import hf_hub_download

    files = list(files)
    repository, _, commit = source.removeprefix("hf:").partition("@")
    bar = _bar(Progress(str(public), sum(file.size or 0 for file in files), report))
    for file in files:
        with wrap_download_errors(str(public), repository_page(repository), otherwise(public)):
            hf_hub_download(
                repository,
                file.rfilename,
                revision=commit,
                local_dir=folder,
                endpoint=_endpoint(),
                etag_timeout=TIMEOUT,
                tqdm_class=bar,
            )
        what = f"{file.rfilename} of {public}"
        check_size(folder / file.rfilename, file.size, what)
        if file.lfs is not None:
            check_hash(folder / file.rfilename, "sha256", file.lfs.sha256, what)
        elif file.blob_id is not None:  # git's name for a file
            check_hash(folder / file.rfilename, "sha1", file.blob_id, what, b"blob %d\0" % file.size)


def _endpoint() -> str | None:
    """Read now: the client reads it when it is imported."""
    return os.environ.get("HF_ENDPOINT")


def _bar(progress: Progress) -> type[Any]:
    """What the hub's client takes for a progress bar."""
    from huggingface_hub.utils import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **{**settings, "disable": True})

        def update(self, n: float | None = 1) -> None:
            progress.add(n)

        # With these, it makes one bar for a file instead of two.
        def update_transfer(self, n: float) -> None:
            """Compressed bytes, of which the hub names no sum."""

        def set_transfer_postfix_str(self, *_: Any, **__: Any) -> None:
            """Their speed."""

    return Bar


def _from_torchvision(public: PublicName, folder: Path, report: Report) -> tuple[str, str]:
    import torchvision

    from vit_perception.checkpoints.files import read_checkpoint
    from vit_perception.hub.families.torchvision import check_architecture, save_torchvision, settings_of

    known = torchvision.models.get_model_weights(check_architecture(public.name))
    settings_of(public.name, public.revision or "DEFAULT")  # refuses a name that is unknown
    chosen = known[public.revision or "DEFAULT"]
    file = torch_cache_path(chosen.url)
    if not file.is_file():
        check_online(str(public), otherwise(public))
        _check_space(public, folder, int(chosen.meta["_file_size"] * 1e6))
        file = fetch(chosen.url, folder.parent / file.name, str(public), report, otherwise(public))
    state, _ = read_checkpoint(file)
    save_torchvision(state, folder, public.name, chosen.name)
    return f"torchvision:{public.name}/{chosen.name}", of_torchvision(chosen.meta)


def _check_space(public: PublicName, folder: Path, size: int) -> None:
    """Raise OSError unless there is room for a download of `size` bytes and what is made of it."""
    free = shutil.disk_usage(folder).free
    if free < size * _SPACE:
        raise OSError(
            f"{public} needs {size * _SPACE / 1e6:.1f} MB in {folder.parents[1]}, which has "
            f"{free / 1e6:.1f} MB free: make room, or set VIT_PERCEPTION_MODELS to a folder elsewhere"
        )
