"""What a cheap sensor makes of a perfect picture: blur, exposure and noise, and depth with holes."""

from __future__ import annotations

import math

import cv2
import numpy as np

from vit_perception.runtime.planar import Pose
from vit_perception.sim.world import World

# Metres between which a depth camera measures; its error grows with the square of the distance.
LEAST_DEPTH, MOST_DEPTH = 0.25, 8.0
_NOISE, _NOISE_PER_SQUARE = 0.002, 0.0025
# A step between neighbours of more than this share of the distance is an edge.
_EDGE = 0.06
# Brightness below which, and shine above which, a surface may be lost.
_DARK, _SHINY = 0.09, 0.6
# The mean brightness that the camera adjusts itself to, and by which factor it can.
_TARGET, _GAINS = 105.0, (0.75, 2.2)
# A moving camera's picture is a mean of several, no more than so many pixels apart.
_APART, _MOST_PICTURES = 1.5, 10
# Noise is drawn once, and cut out elsewhere for each frame.
_SPARE = 64


class Sensor:
    """Noise and blur of one world's camera.

    Args:
        world: whose `look` says how bad it is.
        size: height and width in pixels.
        focal: focal length in pixels.
    """

    def __init__(self, world: World, size: tuple[int, int], focal: float) -> None:
        self._seed, self._look = world.seed, world.look
        self._size, self._focal = size, focal
        rng = np.random.default_rng([world.seed, 2])
        height, width = size[0] + _SPARE, size[1] + _SPARE
        self._grain = (255 * self._look.noise * rng.standard_normal((height, width, 3))).astype(np.float32)
        self._ripple = rng.standard_normal((height, width)).astype(np.float32)

    def expose(
        self, clean: np.ndarray, depth: np.ndarray, pose: Pose, moved: Pose | None, seconds: float
    ) -> np.ndarray:
        """(H, W, 3) uint8: a rendered picture as the sensor takes it."""
        rgb = clean if moved is None else self._blurred(clean, depth, pose, moved)
        gain = np.clip(_TARGET / max(float(clean.mean()), 1.0), *_GAINS) * self._look.exposure
        noisy = gain * rgb.astype(np.float32) + self._cut(self._grain, self._rng(seconds, 0))
        return np.clip(noisy, 0, 255).astype(np.uint8)

    def measure(self, depth: np.ndarray, clean: np.ndarray, shine: np.ndarray, seconds: float) -> np.ndarray:
        """(H, W) float32 metres, 0 where nothing is measured: beyond the range, at edges, and in patches on
        dark and on shiny surfaces."""
        rng = self._rng(seconds, 1)
        error = (_NOISE + _NOISE_PER_SQUARE * depth**2) * self._cut(self._ripple, rng)
        lost = (depth < LEAST_DEPTH) | (depth > MOST_DEPTH * (1 - 0.2 * self._patches(rng)))
        nearest, farthest = cv2.erode(depth, _CROSS), cv2.dilate(depth, _CROSS)
        edge = (farthest - nearest > _EDGE * farthest) | (nearest == 0)
        lost |= edge & (self._patches(rng) < 0.75)
        dark = clean.max(axis=2) < 255 * _DARK
        lost |= (dark | (shine > _SHINY)) & (self._patches(rng) < 0.45)
        return np.where(lost, 0, depth + error).astype(np.float32)

    def _blurred(self, clean: np.ndarray, depth: np.ndarray, pose: Pose, moved: Pose) -> np.ndarray:
        """The mean of the pictures while the camera turns and comes nearer. All is taken to be as far away as
        the middle of what is seen."""
        height, width = self._size
        turned = self._focal * math.remainder(moved.yaw - pose.yaw, 2 * math.pi)
        seen = depth[depth > 0]
        far = float(np.median(seen)) if seen.size else MOST_DEPTH
        grown = math.hypot(moved.x - pose.x, moved.y - pose.y) / max(far, LEAST_DEPTH)
        count = min(_MOST_PICTURES, 1 + math.ceil(max(abs(turned), grown * width / 2) / _APART))
        if count == 1:
            return clean
        total = np.zeros((height, width, 3), np.float32)
        for share in np.linspace(0, 1, count):
            scale = 1 + share * grown
            shift = share * turned + (1 - scale) * width / 2
            matrix = np.array([[scale, 0, shift], [0, scale, (1 - scale) * height / 2]])
            total += cv2.warpAffine(clean, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return total / count

    def _patches(self, rng: np.random.Generator) -> np.ndarray:
        """(H, W) float32 0 to 1 in patches of a few pixels."""
        height, width = self._size
        small = rng.random((height // 6 + 1, width // 6 + 1), dtype=np.float32)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)

    def _cut(self, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        row, column = rng.integers(_SPARE, size=2)
        return noise[row : row + self._size[0], column : column + self._size[1]]

    def _rng(self, seconds: float, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, 3 + purpose, round(1000 * seconds)])


_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
