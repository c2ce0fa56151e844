"""The catalogue of public checkpoints, and their names."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml

from vit_perception.checkpoints.card import BackboneCard, make_card

CATALOG = Path(__file__).with_name("catalog.yaml")
# torchvision's default weights of every architecture in the catalogue.
_TORCHVISION_DEFAULT = "IMAGENET1K_V1"


@functools.cache
def read_catalog() -> dict[str, BackboneCard]:
    """Name → card, in the order of catalog.yaml.

    Raises:
        ValueError: a card is wrong.
    """
    content = yaml.safe_load(CATALOG.read_text())
    return {
        name: make_card(name, {"url": f"hf://{name}"} | content["defaults"] | fields)
        for name, fields in content["checkpoints"].items()
    }


def find_card(name: str) -> BackboneCard | None:
    """The card of a checkpoint, None if the catalogue has no such name.

    Args:
        name: as in the catalogue (`timm/NAME`, `facebook/dinov2-small`, `torchvision/swin_t.IMAGENET1K_V1`),
            or as after `model:=`: `timm:NAME`, `hf:ORG/NAME`, `torchvision:NAME[/WEIGHTS]`.
    """
    scheme, _, rest = name.partition(":")
    if scheme == "timm":
        name = f"timm/{rest}"
    elif scheme == "hf":
        name = rest
    elif scheme == "torchvision":
        architecture, _, weights = rest.partition("/")
        name = f"torchvision/{architecture}.{_TORCHVISION_DEFAULT if weights in ('', 'DEFAULT') else weights}"
    return read_catalog().get(name)


def describe_catalog() -> str:
    """A table with a row for every card: name, architecture, size in pixels, licence."""
    rows = [
        (card.name, card.architecture, "x".join(map(str, card.input_size)), card.license)
        for card in read_catalog().values()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
