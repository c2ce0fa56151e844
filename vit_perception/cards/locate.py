"""Where models are: a folder that was named, this source checkout, or an installed share folder."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from vit_perception.cards.files import CARD_FILE

DEFAULT_MODEL = "robot_vit_s14"
# How the names of public models begin, which the hub makes folders of.
PUBLIC_SCHEMES = ("hf", "timm", "torchvision")
SHARE = Path("share", "vit_perception")


def share_folders(name: str) -> tuple[Path, ...]:
    """The folders called `name` of the checkout and of the share folders, the first to be searched first."""
    package = Path(__file__).resolve().parents[1]
    # AMENT_PREFIX_PATH is what a sourced ROS workspace sets; the package's own prefix serves where
    # it was installed without one, as into a virtual environment.
    prefixes = [
        Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix
    ]
    places = [package.parent, *(prefix / SHARE for prefix in (*prefixes, *package.parents))]
    return tuple(dict.fromkeys(place / name for place in places if (place / name).is_dir()))


def model_folders() -> tuple[Path, ...]:
    """Folders that may hold models, the first to be searched first."""
    return share_folders("models")


def installed_models() -> dict[str, Path]:
    """Name → folder of every model that a bare name reaches."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        for card in sorted(folder.glob(f"*/{CARD_FILE}")):
            found.setdefault(card.parent.name, card.parent)
    return found


def find_model(name: str | Path) -> Path:
    """The folder of a model: a path to it (or to its model.yaml), or the name of an installed one.

    Raises:
        FileNotFoundError: there is none; the message suggests names that are near. The name of a public
            model, as `hf:ORG/NAME`, is no folder yet.
    """
    text = os.fspath(name)
    scheme, colon, _ = text.partition(":")
    if colon and scheme in PUBLIC_SCHEMES:
        raise FileNotFoundError(
            f"{text} is the name of a public model, and a folder is needed here: get it with "
            f"vit_perception.hub.obtain.obtain_model, or with `vit-perception models fetch {text}`"
        )
    if not text:
        raise FileNotFoundError(
            f"the model's name is empty: give a name or a folder, such as {DEFAULT_MODEL}"
        )
    path = Path(text).expanduser()
    installed = {} if path.name != text else installed_models()
    if text in installed:
        return installed[text]
    folder = path.parent if path.name == CARD_FILE else path
    if (folder / CARD_FILE).is_file():
        return folder
    if path.name != text:
        raise FileNotFoundError(f"no model at {folder}: the folder must hold {CARD_FILE}")
    near = difflib.get_close_matches(text, installed, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"installed are {', '.join(installed) or 'none'}"
    searched = ", ".join(map(str, model_folders())) or "no folder: source the workspace it is installed in"
    raise FileNotFoundError(f"no model named {text!r}: {hint} (searched {searched})")
