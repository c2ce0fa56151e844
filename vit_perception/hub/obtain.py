"""From the name of a model to its folder: an installed one of ours, or a public one, adopted if need be.

`obtain_model("hf:hustvl/yolos-tiny")` downloads and adopts once, into the cache; every later start finds the
folder there, asks no network and imports neither torch nor transformers.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vit_perception.cards.files import CARD_FILE
from vit_perception.cards.locate import find_model
from vit_perception.hub.families.files import CONFIG
from vit_perception.hub.licences import of_folder
from vit_perception.hub.names import PublicName, parse_name, suggest
from vit_perception.hub.report import Report
from vit_perception.hub.store import exclusive, new_folder, prune, store
from vit_perception.install_hint import install_hint

# What adopting imports, whatever library a model is from.
_LIBRARIES = (
    "torch",
    "torchvision",
    "transformers",
    "timm",
    "safetensors",
    "huggingface_hub",
    "onnx",
    "filelock",
)


def obtain_model(name: str | Path, report: Report = lambda _: None, where: Path | None = None) -> Path:
    """The folder of a model of ours: an installed one, a folder of one, or a public one, adopted if need be.

    Args:
        name: as `find_model` takes it; a folder or file as its publisher made it; or
            `hf:ORG/NAME[@REVISION]`, `timm:NAME`, `torchvision:NAME[/WEIGHTS]`: only these are downloaded.
        report: called with each step that takes time.
        where: folder that gets what is adopted; the store unless given.

    Raises:
        FileNotFoundError: there is none, or it cannot be reached. ValueError: it cannot be used.
        OSError: it cannot be stored.
    """
    text = os.fspath(name)
    if public := parse_name(text):
        return _public(public, where or store(), report)
    path = Path(text).expanduser()
    folder = path.parent if path.is_file() and path.name != CARD_FILE else path
    if _is_publishers(folder):
        return _adopted(folder, where or store(), report)
    return _installed(text)


def local_model(name: str | Path) -> Path | None:
    """The folder of a model that can be used at once; None if `obtain_model` would have to adopt it first.

    Raises:
        FileNotFoundError: there is no such model.
    """
    if public := parse_name(os.fspath(name)):
        folder = store() / public.folder
        return folder if (folder / CARD_FILE).is_file() else None
    return None if _is_publishers(Path(name).expanduser()) else _installed(os.fspath(name))


def _installed(name: str) -> Path:
    """As `find_model`; where there is none, the error adds what else may be meant."""
    try:
        return find_model(name)
    except FileNotFoundError as error:
        path = Path(name).expanduser()
        if not path.exists() and (backbone := _backbone(name)):
            raise FileNotFoundError(backbone) from None
        raise FileNotFoundError(f"{error}{_hint(name, path)}") from None


def _is_publishers(folder: Path) -> bool:
    """Whether a folder is as a publisher made it, with no card of ours."""
    return (folder / CONFIG).is_file() and not (folder / CARD_FILE).is_file()


def _hint(text: str, path: Path) -> str:
    """What else may be meant where there is no model of ours."""
    if path.is_dir():
        return f", or be a publisher's, with {CONFIG}"
    meant = suggest(text)
    return f"; a model on the Hugging Face hub is called {meant}" if meant and not path.exists() else ""


def _backbone(text: str) -> str | None:
    """What a name of `load_backbone` is, and the model that may be meant; None if it is no such name."""
    source, slash, rest = text.partition("/")
    if not slash or not rest:
        return None
    if source not in ("timm", "torchvision", "fair"):
        try:
            from vit_perception.checkpoints.catalog import read_catalog
        except ModuleNotFoundError:  # the catalogue is of torch models
            return None
        if text not in read_catalog():
            return None
    what = f"{text!r} is a backbone's weights, for load_backbone and training"
    meant = {
        "timm": f"timm:{rest}",
        "torchvision": f"torchvision:{rest.replace('.', '/', 1)}",
        "fair": "",
    }.get(source, f"hf:{text}")
    return f"{what}; {meant} runs the model as its publisher made it" if meant else what


def _public(public: PublicName, where: Path, report: Report) -> Path:
    """The folder of a public model in `where`: found, copied from the store, or downloaded and adopted."""
    target = where / public.folder
    if (target / CARD_FILE).is_file():
        return target
    with _needs(public.libraries, str(public)), exclusive(where, report):
        kept = store() / public.folder
        if (target / CARD_FILE).is_file():
            return target
        if (kept / CARD_FILE).is_file():
            with new_folder(target) as draft:
                shutil.copytree(kept, draft, dirs_exist_ok=True)
            return target
        from vit_perception.hub.adopt import adopt
        from vit_perception.hub.download import download

        with download(public, where, report) as (folder, source, licence):
            return adopt(folder, target, str(public), source, licence, report)


def _adopted(folder: Path, where: Path, report: Report) -> Path:
    """A publisher's folder, adopted under a name that changes with its content."""
    digest = hashlib.sha256(str(folder.resolve()).encode())
    for file in sorted(file for file in folder.iterdir() if file.is_file()):
        status = file.stat()
        digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    target = where / f"{folder.resolve().name}-{digest.hexdigest()[:12]}"
    if (target / CARD_FILE).is_file():
        return target
    with _needs(("transformers",), str(folder)), exclusive(where, report):
        if (target / CARD_FILE).is_file():
            return target
        from vit_perception.hub.adopt import adopt

        source = folder.resolve()
        adopt(folder, target, source.name, str(source), of_folder(folder), report)
        prune(where.glob(f"{source.name}-*"), str(source))
    return target


@contextmanager
def _needs(libraries: Iterable[str], name: str) -> Iterator[None]:
    """Say what to install where a library is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        root = (error.name or "").split(".")[0]
        if root in (*_LIBRARIES, *libraries):
            raise FileNotFoundError(
                f"{name} is not in {store()} yet, and adopting it needs {root}: {install_hint()}; or copy "
                f"what `vit-perception models fetch {name} --to DIR` makes elsewhere"
            ) from error
        raise
