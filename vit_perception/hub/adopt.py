"""A public model becomes one of ours: a folder with a card, weights, and a graph that needs no torch.

`obtain_model("hf:hustvl/yolos-tiny")` downloads and adopts once, into the cache; every later start finds the
folder there, asks no network and imports neither torch nor transformers.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.cards.card import FILE, Card, write_card
from vit_perception.cards.integrity import sha256
from vit_perception.cards.locate import find_model
from vit_perception.cards.recipe import read_recipe
from vit_perception.hub.adopted_graph import GRAPH, CannotRun, with_graph
from vit_perception.hub.licences import of_folder
from vit_perception.hub.names import INSTALL, PublicName, parse_name, suggest
from vit_perception.hub.reasons import reason_of
from vit_perception.hub.store import alone, fresh, is_full, store
from vit_perception.runtime.preprocess import input_size
from vit_perception.runtime.prompts import keep_encoding

if TYPE_CHECKING:
    from vit_perception.hub.public_model import Facts, PublicModel

WEIGHTS = "model.safetensors"
# Cameras of 4:3, 16:9 and upright.
FRAMES = ((480, 640), (720, 1280), (640, 480))
EXAMPLE_PROMPTS = ("person", "forklift", "pallet")

Report = Callable[[str], None]


def to_stderr(step: str) -> None:
    """A `report` for commands."""
    print(step, file=sys.stderr, flush=True)


def obtain_model(name: str | Path, report: Report = lambda _: None, where: Path | None = None) -> Path:
    """The folder of a model of ours: an installed one, a folder of one, or a public one, adopted if need be.

    Args:
        name: as `find_model` takes it; a folder or file as its publisher made it; or
            `hf:ORG/NAME[@REVISION]`, `timm:NAME`, `torchvision:NAME[/WEIGHTS]`, which alone are downloaded.
        report: told of each step that takes time.
        where: to put what is adopted; the store.

    Raises:
        FileNotFoundError: there is none, or it cannot be reached. ValueError: it cannot be used.
        OSError: it cannot be stored.
    """
    text = os.fspath(name)
    if public := parse_name(text):
        return _stored(public, where or store(), report)
    path = Path(text).expanduser()
    folder = path.parent if path.is_file() and path.name != FILE else path
    if (folder / "config.json").is_file() and not (folder / FILE).is_file():
        return _adopted(folder, where or store(), report)
    try:
        return find_model(name)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}{_hint(text, path)}") from None


def _hint(text: str, path: Path) -> str:
    """What else may be meant where there is no model of ours."""
    if path.is_dir():
        return ", or be a publisher's, with config.json"
    meant = suggest(text)
    return f"; a model on the Hugging Face hub is called {meant}" if meant and not path.exists() else ""


def local_model(name: str | Path) -> Path | None:
    """The folder of a model that can be used at once; None if `obtain_model` would have to adopt it first.

    Raises:
        FileNotFoundError: there is no such model.
    """
    if public := parse_name(os.fspath(name)):
        folder = store() / public.folder
        return folder if (folder / FILE).is_file() else None
    path = Path(name).expanduser()
    if (path / "config.json").is_file() and not (path / FILE).is_file():
        return None
    return find_model(name)


def _stored(public: PublicName, where: Path, report: Report) -> Path:
    target = where / public.folder
    if (target / FILE).is_file():
        return target
    with _needs(public.libraries, str(public)), alone(where, report):
        kept = store() / public.folder
        if (target / FILE).is_file():
            return target
        if (kept / FILE).is_file():
            with fresh(target) as draft:
                shutil.copytree(kept, draft, dirs_exist_ok=True)
            return target
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
    if (target / FILE).is_file():
        return target
    with _needs(("transformers",), str(folder)), alone(where, report):
        if (target / FILE).is_file():
            return target
        source = folder.resolve()
        return adopt(folder, target, source.name, str(source), of_folder(folder), report)


def adopt(folder: Path, target: Path, name: str, source: str, licence: str, report: Report) -> Path:
    """Write a publisher's model in `folder` as one of ours into `target`.

    Raises:
        FileNotFoundError, ValueError: the model is incomplete, damaged or not supported.
        OSError: `target` cannot be written.
    """
    from vit_perception.hub.build import open_public
    from vit_perception.hub.families.hugging_face.checkpoint import SIDECARS

    report(f"reading {name}")
    model, facts, architecture = open_public(folder)
    with fresh(target) as draft:
        for sidecar in SIDECARS:
            if (folder / sidecar).is_file():
                shutil.copyfile(folder / sidecar, draft / sidecar)
        _save_weights(model, draft / WEIGHTS)
        card = _card(model, facts, architecture, draft, name, source, licence)
        text = _examples_encoded(model, card) if card.open_vocabulary else {}
        report(f"exporting {name}")
        try:
            card = with_graph(model, card, text)
        except CannotRun:
            raise
        except Exception as error:  # whatever an exporter or an engine has against a model, torch runs it
            if is_full(error):
                raise
            (draft / GRAPH).unlink(missing_ok=True)
            report(f"{name} cannot be exported ({reason_of(error)}): it runs in torch")
        write_card(card)
    return target


def _card(
    model: PublicModel,
    facts: Facts,
    architecture: dict[str, Any],
    folder: Path,
    name: str,
    source: str,
    licence: str,
) -> Card:
    recipe = read_recipe(facts.recipe)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Card(
        name=name,
        description=f"{architecture.get('class', architecture.get('name'))} for {facts.task}, "
        f"{parameters / 1e6:.1f} million parameters.",
        licence=licence,
        provenance=f"Adopted as it is from {source}.",
        architecture=architecture,
        files={"weights": WEIGHTS},
        sha256={WEIGHTS: sha256(folder / WEIGHTS)},
        patch_size=1,
        input_sizes=tuple(dict.fromkeys(input_size(recipe, frame) for frame in FRAMES)),
        mean=facts.mean,  # type: ignore[arg-type]
        std=facts.std,  # type: ignore[arg-type]
        labels=EXAMPLE_PROMPTS if facts.open_vocabulary else facts.labels,
        things=tuple(range(len(EXAMPLE_PROMPTS))) if facts.open_vocabulary else facts.things,
        actions=(),
        trained=facts.trained,
        thresholds=facts.thresholds,
        metrics={},
        source=source,
        recipe=recipe,
        decoding=facts.decoding,  # type: ignore[arg-type]
        open_vocabulary=facts.open_vocabulary,
        folder=folder,
    )


def _save_weights(model: PublicModel, path: Path) -> None:
    from safetensors.torch import save_file

    # Shared tensors are stored once for each name: our loader is strict about names.
    state = {name: value.clone().contiguous() for name, value in model.state_dict().items()}
    save_file(state, str(path))
    path.chmod(0o644)  # safetensors makes a private file; a robot's nodes may run as another user


def _examples_encoded(model: PublicModel, card: Card) -> dict[str, Any]:
    """The example prompts' encoding, kept in the card's folder: they work without torch."""
    text = dict(model.encode(EXAMPLE_PROMPTS))
    keep_encoding(card, EXAMPLE_PROMPTS, {name: value.numpy() for name, value in text.items()})
    return text


@contextmanager
def _needs(libraries: Iterable[str], name: str) -> Iterator[None]:
    """Say what to install where a library is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        root = (error.name or "").split(".")[0]
        if root in (
            "torch",
            "torchvision",
            "transformers",
            "timm",
            "safetensors",
            "huggingface_hub",
            "onnx",
            *libraries,
        ):
            raise FileNotFoundError(
                f"{name} is not in {store()} yet, and adopting it needs {root}: {INSTALL}; or copy what "
                f"`vit-perception models fetch {name} --to DIR` makes elsewhere"
            ) from error
        raise
