"""The public checkpoints that are known by name."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml

from vit_perception.checkpoints.card import BackboneCard, make_card

CATALOG = Path(__file__).with_name("catalog.yaml")


@functools.cache
def read_catalog() -> dict[str, BackboneCard]:
    """Name → card, in the file's order.

    Raises:
        ValueError: a card is wrong.
    """
    content = yaml.safe_load(CATALOG.read_text())
    return {
        name: make_card(name, {"url": f"hf://{name}"} | content["defaults"] | fields)
        for name, fields in content["checkpoints"].items()
    }


def describe_catalog() -> str:
    """A table of every card: name, architecture, size in pixels, licence."""
    rows = [
        (card.name, card.architecture, "x".join(map(str, card.input_size)), card.license)
        for card in read_catalog().values()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
