"""Distortion of lenses by the models that sensor_msgs names, and back.

Points are x and y at one metre before the camera. The formulas are OpenCV's: the coefficients are k1, k2, p1,
p2, k3, k4, k5, k6 of `plumb_bob` and `rational_polynomial`, and k1 to k4 of the fisheye model `equidistant`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Going back ends when no point moves farther, or after so many steps; a point that is then farther from where
# it is seen is none. In the same unit, metres at one metre.
_STEP, _STEPS, _FARTHEST_OFF = 1e-8, 60, 1e-4


def distorted(points: np.ndarray, coefficients: Sequence[float], fisheye: bool) -> np.ndarray:
    """Where (N, 2) points of the world are seen."""
    radial, shift = _parts(points, coefficients, fisheye)
    return points * radial + shift


def straightened(points: np.ndarray, coefficients: Sequence[float], fisheye: bool) -> np.ndarray:
    """The points of the world, (N, 2), that are seen at these; NaN where there is none."""
    found = points.copy()
    with np.errstate(all="ignore"):  # a point that runs away is told by where it is seen
        for _ in range(_STEPS):
            radial, shift = _parts(found, coefficients, fisheye)
            before, found = found, (points - shift) / radial
            if not np.nanmax(np.abs(found - before), initial=0.0) > _STEP:
                break
        off = np.abs(distorted(found, coefficients, fisheye) - points).max(axis=1, initial=0.0)
    found[~(off < _FARTHEST_OFF)] = np.nan
    return found


def _parts(points: np.ndarray, coefficients: Sequence[float], fisheye: bool) -> tuple[np.ndarray, np.ndarray]:
    """(N, 1) factor on the distance from the middle, and (N, 2) shift."""
    squares = (points**2).sum(axis=1, keepdims=True)
    if fisheye:
        radius = np.sqrt(squares)
        angle = np.arctan(radius)
        k1, k2, k3, k4 = coefficients
        seen = angle * (1 + angle**2 * (k1 + angle**2 * (k2 + angle**2 * (k3 + angle**2 * k4))))
        return np.where(radius > 0, seen / np.maximum(radius, 1e-12), 1.0), np.zeros_like(points)
    k1, k2, p1, p2, k3, k4, k5, k6 = (*coefficients, *[0.0] * (8 - len(coefficients)))
    above = 1 + squares * (k1 + squares * (k2 + squares * k3))
    below = 1 + squares * (k4 + squares * (k5 + squares * k6))
    product = points[:, :1] * points[:, 1:]
    tangential = np.array([[2 * p1, 2 * p2]]) * product + np.array([[p2, p1]]) * (squares + 2 * points**2)
    return above / below, tangential
