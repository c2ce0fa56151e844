"""Where boxes are and how fast they move, by a Kalman filter each, all computed together.

The four numbers of a box, centre and size, are filtered apart, each with its speed: so nothing is inverted.
The noises are shares of the box's size, as in DeepSORT (Wojke 2017); time is in seconds, since a node drops
frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

# Standard deviations, in sizes of the box: of a measured number; of a new box's speed a second; and of how
# much that speed changes, a second squared.
_MEASURED, _SPEED, _ACCELERATION = 0.1, 1.0, 1.0


def _none(*shape: int) -> np.ndarray:
    return np.zeros((0, *shape))


@dataclass
class BoxFilter:
    """K boxes. Rows are added, kept and dropped together.

    Attributes:
        numbers: (K, 4) centre x, y, width and height, pixels.
        speeds: (K, 4) of these, a second.
        variances: (K, 4, 3) of the number, of number and speed together, and of the speed.
    """

    numbers: np.ndarray = field(default_factory=lambda: _none(4))
    speeds: np.ndarray = field(default_factory=lambda: _none(4))
    variances: np.ndarray = field(default_factory=lambda: _none(4, 3))

    @property
    def boxes(self) -> np.ndarray:
        """(K, 4) `x_min, y_min, x_max, y_max`."""
        half = self.numbers[:, 2:] / 2
        return np.hstack([self.numbers[:, :2] - half, self.numbers[:, :2] + half])

    def add(self, boxes: np.ndarray) -> None:
        """Begin with these, (N, 4), standing."""
        size = _sizes(boxes)
        variances = np.zeros((len(boxes), 4, 3))
        variances[..., 0], variances[..., 2] = (_MEASURED * size) ** 2, (_SPEED * size) ** 2
        self.numbers = np.vstack([self.numbers, _numbers(boxes)])
        self.speeds = np.vstack([self.speeds, np.zeros((len(boxes), 4))])
        self.variances = np.vstack([self.variances, variances])

    def keep(self, which: np.ndarray) -> None:
        """Drop all rows but these, (K,) bool."""
        self.numbers, self.speeds = self.numbers[which], self.speeds[which]
        self.variances = self.variances[which]

    def turn(self, motion: np.ndarray) -> None:
        """Move the centres with a picture that has moved by a homography (3, 3), pixels to pixels."""
        places = np.column_stack([self.numbers[:, :2], np.ones(len(self.numbers))]) @ motion.T
        # What is beside or behind the camera now is far outside the picture.
        self.numbers[:, :2] = places[:, :2] / np.maximum(places[:, 2:], 0.1)

    def predict(self, seconds: float) -> None:
        """Let time pass."""
        self.numbers += seconds * self.speeds
        # No box shrinks to nothing while nobody sees it.
        self.numbers[:, 2:] = np.maximum(self.numbers[:, 2:], 1.0)
        pushed = (_ACCELERATION * _sizes(self.boxes)) ** 2
        place, both, speed = np.moveaxis(self.variances, -1, 0)
        self.variances = np.stack(
            [
                place + seconds * (2 * both + seconds * speed) + pushed * seconds**4 / 4,
                both + seconds * speed + pushed * seconds**3 / 2,
                speed + pushed * seconds**2,
            ],
            axis=-1,
        )

    def correct(self, rows: np.ndarray, boxes: np.ndarray) -> None:
        """Take in the boxes (N, 4) that were measured of these rows (N,)."""
        place, both, speed = np.moveaxis(self.variances[rows], -1, 0)
        total = place + (_MEASURED * _sizes(boxes)) ** 2
        off = _numbers(boxes) - self.numbers[rows]
        self.numbers[rows] += place / total * off
        self.speeds[rows] += both / total * off
        self.variances[rows] = np.stack(
            [place - place**2 / total, both - place * both / total, speed - both**2 / total], axis=-1
        )


def _numbers(boxes: np.ndarray) -> np.ndarray:
    low, high = boxes[:, :2].astype(float), boxes[:, 2:].astype(float)
    return np.hstack([(low + high) / 2, high - low])


def _sizes(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) what is 1 for the noises of each number: the geometric mean of the sides, at least a pixel."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
    return np.repeat(np.sqrt(sides.prod(axis=1))[:, None], 4, axis=1)
