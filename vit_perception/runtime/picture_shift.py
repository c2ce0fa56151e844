"""How far a picture has moved, from the picture alone: phase correlation of small grey ones (Kuglin 1975)."""

from __future__ import annotations

import cv2
import numpy as np

_SIZE = (120, 160)  # height, width


class PictureShift:
    """Of the frames of one camera."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def update(self, image: np.ndarray) -> np.ndarray | None:
        """(3, 3) homography that shifts pixels of the last frame to where they are in this one; None for the
        first.

        Args:
            image: (H, W, 3) uint8; the order of channels makes no difference that counts.
        """
        height, width = _SIZE
        # Cheaper than the mean of all pixels, and the correlation does not mind.
        small = cv2.resize(image[..., 1], (width, height)).astype(np.float32)
        before, self._last = self._last, small
        if before is None:
            return None
        (x, y), _ = cv2.phaseCorrelate(before, small, cv2.createHanningWindow((width, height), cv2.CV_32F))
        return np.array([[1, 0, x * image.shape[1] / width], [0, 1, y * image.shape[0] / height], [0, 0, 1]])
