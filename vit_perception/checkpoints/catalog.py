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
        name: make_card(name, content["defaults"] | fields) for name, fields in content["checkpoints"].items()
    }
