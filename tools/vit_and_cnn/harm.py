"""What a robot's camera suffers: blur, noise and darkness, in rising strengths."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Harm = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def blur(rgb: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Pictures (N, H, W, 3) out of focus: `strength` is the standard deviation of the blur in pixels."""
    return np.stack([cv2.GaussianBlur(each, (0, 0), strength) for each in rgb])


def noise(rgb: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Pictures with noise: `strength` is its standard deviation in grey levels."""
    return np.asarray((rgb + rng.normal(0, strength, rgb.shape)).clip(0, 255).round().astype(np.uint8))


def darkness(rgb: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Pictures with less light, rounded to whole levels: 1/`strength` of each value is left."""
    return np.asarray((rgb / strength).round().astype(np.uint8))


HARMS: dict[str, Harm] = {"blur": blur, "noise": noise, "darkness": darkness}
STRENGTHS = {"blur": (1.0, 2.0, 4.0), "noise": (10.0, 25.0, 50.0), "darkness": (2.0, 4.0, 8.0)}
UNITS = {"blur": "deviation in pixels", "noise": "deviation in grey levels", "darkness": "divided by"}
