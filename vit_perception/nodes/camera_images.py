"""An image of a camera on its way through the node: as it came, then with its pixels."""

from __future__ import annotations

from dataclasses import dataclass

from sensor_msgs.msg import CompressedImage, Image

from vit_perception.nodes.images.frame import Frame


@dataclass(frozen=True)
class ReceivedImage:
    """An image message as it arrived.

    Attributes:
        camera: name of the camera.
        message: as received.
        time: of its arrival, of `time.monotonic`.
    """

    camera: str
    message: Image | CompressedImage
    time: float


@dataclass(frozen=True)
class DecodedImage:
    """An image with its pixels, and the enabled tasks whose results somebody subscribed to."""

    received: ReceivedImage
    frame: Frame
    tasks: frozenset[str]
