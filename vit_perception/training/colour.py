"""Random changes of a picture's colours, as one linear map of each pixel, and of its sharpness."""

from __future__ import annotations

import math

import cv2
import numpy as np

# From red, green and blue to luma and two colour axes (NTSC), and back.
_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_RGB = np.linalg.inv(_YIQ)


def jitter_colour(rgb: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Random brightness, contrast, saturation and hue; sometimes grey, blurred or noisy.

    Args:
        rgb: (H, W, 3) uint8.
        rng: draws the changes.
        strength: 1 is strong, 0 changes nothing.
    """
    # All as one linear map of each pixel: a tenth of the time of a way through HSV.
    turn = strength * rng.uniform(-16, 16)
    colours = 1 + strength * rng.uniform(-0.5, 0.5)
    contrast, brightness = 1 + strength * rng.uniform(-0.4, 0.4), strength * rng.uniform(-40, 40)
    if rng.random() < 0.1 * strength:
        colours = 0.0
    linear = contrast * _recolour(math.radians(turn), colours)
    offset = 128 * (1 - contrast) + brightness
    changed = cv2.transform(rgb, np.column_stack([linear, np.full(3, offset)]))
    if rng.random() < 0.1 * strength:
        changed = cv2.GaussianBlur(changed, (3, 3), 0)
    if rng.random() < 0.1 * strength:
        changed = (changed + rng.normal(0, 8, changed.shape)).clip(0, 255).astype(np.uint8)
    return changed


def _recolour(turn: float, colours: float) -> np.ndarray:
    """(3, 3) map of RGB that turns the hue by an angle in radians and multiplies the saturation."""
    cosine, sine = colours * math.cos(turn), colours * math.sin(turn)
    changed = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
    return np.asarray(_RGB @ changed @ _YIQ)
