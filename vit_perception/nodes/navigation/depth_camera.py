"""The depth of one camera's frames, and why there is none."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image

from vit_perception.nodes.images.codec import ImageError
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.navigation.depth_pairing import DepthPairing, decode_depth
from vit_perception.nodes.navigation.stamps import seconds_of
from vit_perception.nodes.qos import AdaptiveSubscription


class DepthCamera:
    """Subscribes to `depth_image` beside the images of a camera until it is destroyed.

    Args:
        node: that subscribes.
        prefix: put before the topic's name: empty, or the camera's name with a slash.

    Attributes:
        missing: why the newest frame came without depth; empty if it had it.
    """

    def __init__(self, node: Node, prefix: str) -> None:
        self._node = node
        self._pairing = DepthPairing()
        self._subscription = AdaptiveSubscription(node, Image, f"{prefix}depth_image", self._take)
        self.missing = "no frame has come"

    @property
    def state(self) -> str:
        """For people."""
        return f"missing: {self.missing}" if self.missing else "there"

    @property
    def lost(self) -> bool:
        """Whether the newest frame came without depth, and others did not."""
        return bool(self.missing) and self._pairing.ever

    def depth(self, frame: Frame, tolerance: float, max_megapixels: float) -> np.ndarray | None:
        """(H, W) float32 metres for a frame, 0 where it is unknown; None if there is none.

        Args:
            tolerance: seconds that the stamps may be apart.
            max_megapixels: of an image that is decoded.
        """
        message = self._pairing.near(seconds_of(frame.header), tolerance)
        if message is None:
            self.missing = self._why(tolerance)
            return None
        try:
            height, width = frame.pixels.shape[:2]
            depth = decode_depth(message, (height, width), max_megapixels)
        except ImageError as error:
            self.missing = f"{self._subscription.topic} cannot be used: {error}"
            return None
        self.missing = ""
        return depth

    def destroy(self) -> None:
        self._subscription.destroy()

    def _take(self, message: Image) -> None:
        self._pairing.put(seconds_of(message.header), message)

    def _why(self, tolerance: float) -> str:
        topic = self._subscription.topic
        if not self._node.count_publishers(topic):
            return f"nobody publishes {topic}"
        if not self._pairing.ever:
            return f"nothing has come on {topic}"
        return (
            f"the newest on {topic} is {self._pairing.apart:.2f} s apart from the frame, more than "
            f"{tolerance:.2f} s"
        )
