"""Inputs to trace a graph with, and to compare engines on: noise, in which nothing is like the next."""

from __future__ import annotations

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.heads.navigation_config import GOAL_SIZE, NavigationConfig


def example_images(size: tuple[int, int]) -> np.ndarray:
    """(1, H, W, 3) uint8: noise, in which no pixel is like the next."""
    return np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)


def example_content(size: tuple[int, int]) -> np.ndarray:
    """(1, 2) int64, see `raw_outputs.CONTENT`: a frame that leaves some of the input to padding.

    From a full one, a trace would leave the mask out.
    """
    return np.array([[size[0] * 3 // 4, size[1] - size[1] // 8]])


def example_inputs(card: Card, batch: int, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """What a model of ours takes beside images, see `example_navigation`."""
    return example_navigation(NavigationConfig.of(card.architecture), batch, size)


def example_navigation(
    config: NavigationConfig | None, batch: int, size: tuple[int, int]
) -> dict[str, np.ndarray]:
    """What a navigator takes beside `batch` images of (height, width) `size`, by name, in the order of
    `NavigationConfig.inputs`; nothing without a config.

    The depth has patches without any, the last frame a goal, and the oldest of its history is missing.
    """
    if config is None:
        return {}
    rng = np.random.default_rng(1)
    depth = rng.uniform(0.3, 5.0, (batch, 1, *size)).astype(np.float32)
    depth[:, :, : size[0] // 2, : size[1] // 2] = 0.0
    goal = np.zeros((batch, GOAL_SIZE), np.float32)
    goal[-1] = 3.0, 0.6, 0.8, 1.0
    history = rng.standard_normal((batch, config.history, config.width + 1)).astype(np.float32)
    history[..., -1] = 1.0
    history[:, :1] = 0.0
    made = {"depth": depth, "goal": goal, "history": history}
    return {name: made[name] for name in config.inputs}
