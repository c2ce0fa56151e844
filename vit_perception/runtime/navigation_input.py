"""What a navigator knows beside the image: depth, where the goal is, and what it saw before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.cards.card import Card
from vit_perception.heads.navigation_config import FARTHEST, GOAL_SIZE, NavigationConfig
from vit_perception.runtime.preprocess import Geometry


@dataclass(frozen=True)
class NavigationInput:
    """Of one frame. What is missing, the model does without; what it does not take is not used.

    Attributes:
        depth: (H, W) float32 metres along the optical axis, registered to the image, in any resolution; 0 and
            what is not finite are unknown. None without a depth camera.
        goal: distance in metres and bearing in radians, to the left of straight ahead (REP 103); None
            without a goal.
        history: `Navigation.token` of earlier frames, the newest last, see `NavigationHistory`; None where
            there was no frame.

    Raises:
        ValueError: the depth is no such array, or the goal no such numbers.
    """

    depth: np.ndarray | None = None
    goal: tuple[float, float] | None = None
    history: tuple[np.ndarray | None, ...] = ()

    def __post_init__(self) -> None:
        if self.depth is not None and (self.depth.ndim != 2 or self.depth.dtype != np.float32):
            raise ValueError(
                f"the depth is {self.depth.dtype} of shape {self.depth.shape}: give (height, width) float32 "
                "in metres"
            )
        if self.depth is not None and not self.depth.size:
            raise ValueError(f"the depth has shape {self.depth.shape}, which holds no pixel")
        if self.goal is not None:
            distance, bearing = self.goal
            if not (math.isfinite(distance) and math.isfinite(bearing) and distance >= 0):
                raise ValueError(
                    f"the goal is {self.goal!r}: give its distance in metres and its bearing in radians"
                )


# The image alone.
IMAGE_ALONE = NavigationInput()


def leads_to_a_goal(card: Card) -> bool:
    """Whether a model gives a path to a goal that it is given, so that a robot can follow it."""
    config = NavigationConfig.of(card.architecture)
    return config is not None and config.goal and "navigation.path" in card.trained


def navigation_arrays(
    given: NavigationInput, geometry: Geometry, config: NavigationConfig
) -> dict[str, np.ndarray]:
    """Inputs of the network by name, as far as the model takes them, for a batch of one frame.

    Args:
        given: of the frame.
        geometry: how it lies in the network's input of h x w pixels.
        config: of the model.

    Returns:
        `depth` (1, 1, h, w), `goal` (1, GOAL_SIZE) and `history` (1, T, width + 1), float32.

    Raises:
        ValueError: a token of the history has another width.
    """
    made = {
        "depth": lambda: fit_depth(given.depth, geometry)[None],
        "goal": lambda: goal_row(given.goal),
        "history": lambda: _history(given.history, config),
    }
    return {name: made[name]()[None] for name in config.inputs}


def fit_depth(depth: np.ndarray | None, geometry: Geometry) -> np.ndarray:
    """Depth (H, W) in metres → (h, w) float32 in the network's input; 0 where it is unknown.

    Where several pixels become one, the nearest counts: a mean of what is before and behind an edge is where
    nothing is, and the leg of a chair must not be lost.
    """
    fitted = np.zeros(geometry.input, np.float32)
    if depth is None:
        return fitted
    height, width = (round(side) for side in geometry.content)
    top, left = (round(side) for side in geometry.offset)
    # NaN is not greater than 0, either.
    known = np.where((depth > 0) & (depth < FARTHEST), depth, np.float32(np.inf))
    sides = [math.ceil(old / new) for old, new in zip(depth.shape, (height, width), strict=True)]
    if max(sides) > 1:
        # Each value is the least of the block that begins there, of which INTER_NEAREST takes the first.
        known = cv2.erode(known, np.ones(sides, np.uint8), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    small = cv2.resize(known, (width, height), interpolation=cv2.INTER_NEAREST)
    small[np.isinf(small)] = 0.0
    visible = small[max(0, -top) :, max(0, -left) :]
    place = fitted[max(0, top) :, max(0, left) :]
    rows, columns = (min(a, b) for a, b in zip(visible.shape, place.shape, strict=True))
    place[:rows, :columns] = visible[:rows, :columns]
    return fitted


def goal_row(goal: tuple[float, float] | None) -> np.ndarray:
    """(GOAL_SIZE,) float32 of the input `goal`."""
    if goal is None:
        return np.zeros(GOAL_SIZE, np.float32)
    distance, bearing = goal
    return np.array([distance, math.sin(bearing), math.cos(bearing), 1.0], np.float32)


def _history(tokens: Sequence[np.ndarray | None], config: NavigationConfig) -> np.ndarray:
    """(T, width + 1), the newest last: each token and 1, or zeros."""
    rows = np.zeros((config.history, config.width + 1), np.float32)
    newest = tokens[-config.history :]
    for row, token in zip(rows[config.history - len(newest) :], newest, strict=True):
        if token is None:
            continue
        if token.shape != (config.width,):
            raise ValueError(
                f"a token of the history has shape {token.shape}, not ({config.width},): it is of another "
                "model"
            )
        row[:-1], row[-1] = token, 1.0
    return rows
