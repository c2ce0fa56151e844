"""The licence of a public model, and what to mind before a product has it. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

UNKNOWN = "unknown"
# SPDX's names of what the hub writes in small letters, where capitals alone do not make them.
_SPDX = {
    "apache-2.0": "Apache-2.0",
    "bsd": "BSD",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "openrail": "OpenRAIL",
    "creativeml-openrail-m": "CreativeML-OpenRAIL-M",
    "unlicense": "Unlicense",
}
_CAPITALS = ("mit", "isc", "cc", "cc0", "gpl", "lgpl", "agpl", "mpl", "epl", "eupl", "afl")
_FREE = ("apache", "mit", "isc", "bsd", "cc", "cc0", "mpl", "lgpl", "unlicense")


def of_hugging_face(info: Any) -> str:
    """From the hub's answer on a model: its card's, or the tag that the hub made of it."""
    card = info.card_data
    tags = (tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:"))
    of_card = _named(getattr(card, "license", None), getattr(card, "license_name", None))
    return of_card or _named(next(tags, None), None) or UNKNOWN


def of_folder(folder: Path) -> str:
    """From the model card in a folder, whose settings are YAML between two lines of dashes."""
    try:
        _, settings, _ = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
        card = yaml.safe_load(settings)
        return _named(card.get("license"), card.get("license_name")) or UNKNOWN
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        return UNKNOWN


def of_torchvision(meta: Mapping[str, Any]) -> str:
    """From the `meta` of weights, which name a licence where it is not torchvision's own."""
    link = str(meta.get("license", ""))
    if not link:
        return "BSD-3-Clause"
    return "CC-BY-NC-4.0" if "facebookresearch/SWAG" in link else f"other ({link})"


def _named(licence: object, own: object) -> str | None:
    """By SPDX's name, or the publisher's `own` where the hub calls it `other`; None where there is none."""
    if not isinstance(licence, str):
        return None
    return f"other ({own})" if licence == "other" and own else spdx(licence)


def spdx(name: str) -> str:
    """`apache-2.0` → `Apache-2.0`; what is not known stays as it is."""
    family = name.lower().split("-")[0]
    return _SPDX.get(name.lower(), name.upper() if family in _CAPITALS else name)


def warning(licence: str) -> str | None:
    """What to mind before a product has a model of this licence in it; None where it is a free one."""
    words = licence.lower().split("-")
    if "nc" in words:
        return f"the licence {licence} forbids commercial use"
    if words[0] in ("agpl", "gpl"):
        return f"the licence {licence} asks you to publish the source of what has the model in it"
    if words[0] in _FREE:
        return None
    return f"the licence {licence!r} may forbid commercial use: read it at the publisher's"
