"""The depth image that belongs to a colour image, by their stamps, in metres."""

from __future__ import annotations

import threading
from collections import deque
from typing import TypeAlias

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.nodes.images import codec
from vit_perception.nodes.images.codec import ImageError
from vit_perception.nodes.images.compressed_depth import decode_compressed_depth
from vit_perception.runtime.camera_model import same_shape

# Depth images that are kept: a slow colour image waits for its own this long.
_KEPT = 10
# Metres of one unit, by encoding (REP 118).
_METRES = {"32FC1": 1.0, "16UC1": 1e-3, "mono16": 1e-3}
DepthImage: TypeAlias = Image | CompressedImage


def decode_depth(message: DepthImage, image_size: tuple[int, int], max_megapixels: float) -> np.ndarray:
    """A depth image (H, W) float32 in metres; 0 where it is unknown.

    Args:
        message: 32FC1 in metres or 16UC1 in millimetres; a CompressedImage is compressedDepth of it.
        image_size: (height, width) of the colour image that it is registered to.
        max_megapixels: of an image that is decoded.

    Raises:
        ImageError: it is of another encoding, broken, too large, or of another shape than the colour image.
    """
    if isinstance(message, CompressedImage):
        encoding, pixels = decode_compressed_depth(message, max_megapixels)
    elif (encoding := message.encoding) in _METRES:
        pixels = codec.decode(message, codec.PASSTHROUGH, max_megapixels)
    else:
        raise ImageError(f"its encoding is {encoding!r}: publish 32FC1 in metres or 16UC1 in millimetres")
    height, width = image_size
    if not same_shape((pixels.shape[0], pixels.shape[1]), image_size):
        raise ImageError(
            f"it has {pixels.shape[1]}x{pixels.shape[0]} pixels, the colour image {width}x{height}: publish "
            "depth that is registered to the colour image"
        )
    depth = pixels.astype(np.float32) * np.float32(_METRES[encoding])
    # NaN is not greater than 0, either.
    depth[~((depth > 0) & (depth < np.inf))] = 0.0
    return depth


class DepthPairing:
    """Keeps the newest depth images of a camera: one thread puts them, others ask for those that fit.

    Attributes:
        ever: whether one has come.
        apart: seconds between the last time that was asked for and the depth image nearest to it; None
            before.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._kept: deque[tuple[float, DepthImage]] = deque(maxlen=_KEPT)
        # Whether to wait for depth that is late: not for a camera that has stopped sending it.
        self._expected = False
        self.ever = False
        self.apart: float | None = None

    def put(self, seconds: float, message: DepthImage) -> None:
        """Keep a depth image of that stamp. Time that goes back forgets all others."""
        with self._changed:
            if self._kept and seconds < self._kept[-1][0]:
                self._kept.clear()
            self._kept.append((seconds, message))
            self._expected = self.ever = True
            self._changed.notify_all()

    def near(self, seconds: float, tolerance: float) -> DepthImage | None:
        """The depth image nearest to a time, None if none is within `tolerance` seconds of it.

        Where depth has come before, one that is late is waited for, as long as the tolerance.
        """
        with self._changed:
            if self._expected:
                self._changed.wait_for(
                    lambda: not self._expected or any(stamp >= seconds for stamp, _ in self._kept),
                    timeout=tolerance,
                )
            apart, message = min(
                ((abs(stamp - seconds), message) for stamp, message in self._kept),
                key=lambda each: each[0],
                default=(float("inf"), None),
            )
            self.apart = apart
            found = message if apart <= tolerance else None
            self._expected = found is not None
            return found

    def interrupt(self) -> None:
        """End the wait of `near`, in another thread, for depth that is late."""
        with self._changed:
            self._expected = False
            self._changed.notify_all()
