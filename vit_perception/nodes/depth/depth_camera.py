"""The depth of one camera's frames, and why there is none."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.nodes.camera_names import compressed_depth
from vit_perception.nodes.depth.pairing import DepthImage, DepthPairing, decode_depth
from vit_perception.nodes.depth.settings import COMPRESSED_DEPTH
from vit_perception.nodes.images.codec import ImageError
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.qos import AdaptiveSubscription
from vit_perception.nodes.stamps import seconds_of


class DepthCamera:
    """Subscribes to the depth beside the images of a camera while somebody wants it. Any thread may ask.

    Args:
        node: that subscribes.
        topic: of the depth images, see `topic_of_camera`.
        transport: one of TRANSPORTS.

    Attributes:
        missing: why the newest frame came without depth; empty if it had it, or none was asked about.
    """

    def __init__(self, node: Node, topic: str, transport: str) -> None:
        self._node = node
        is_compressed = transport == COMPRESSED_DEPTH
        self._topic = compressed_depth(topic) if is_compressed else topic
        self._message_type = CompressedImage if is_compressed else Image
        self._pairing = DepthPairing()
        self._subscription: AdaptiveSubscription | None = None
        self._asked = False
        self.missing = ""

    @property
    def topic(self) -> str:
        """Name of the topic with namespace and remappings."""
        return str(self._node.resolve_topic_name(self._topic))

    @property
    def state(self) -> str:
        """For people; empty while nobody wants depth."""
        if self._subscription is None:
            return ""
        return f"missing: {self.missing or 'no frame has come'}" if not self.there else "there"

    @property
    def there(self) -> bool:
        """Whether the newest frame had depth."""
        return self._asked and not self.missing

    @property
    def lost(self) -> bool:
        """Whether the newest frame came without depth, and others did not."""
        return bool(self.missing) and self._pairing.ever

    def attend(self, wanted: bool) -> None:
        """Subscribe if depth is wanted, otherwise no longer."""
        if wanted and self._subscription is None:
            self._pairing, self._asked, self.missing = DepthPairing(), False, ""
            self._subscription = AdaptiveSubscription(self._node, self._message_type, self._topic, self._take)
        elif not wanted and self._subscription is not None:
            self._subscription.destroy()
            self._subscription = None

    def interrupt(self) -> None:
        """End the wait for depth that is late."""
        self._pairing.interrupt()

    def depth(self, frame: Frame, tolerance: float, max_megapixels: float) -> np.ndarray | None:
        """(H, W) float32 metres for a frame, 0 where it is unknown; None if there is none.

        Args:
            tolerance: seconds that the stamps may be apart.
            max_megapixels: of an image that is decoded.
        """
        pairing = self._pairing
        message = pairing.near(seconds_of(frame.header), tolerance)
        depth = None
        if message is None:
            missing = self._why(pairing, tolerance)
        else:
            try:
                height, width = frame.pixels.shape[:2]
                depth, missing = decode_depth(message, (height, width), max_megapixels), ""
            except ImageError as error:
                missing = f"{self.topic} cannot be used: {error}"
        self._asked, self.missing = True, missing
        return depth

    def _take(self, message: DepthImage) -> None:
        self._pairing.put(seconds_of(message.header), message)

    def _why(self, pairing: DepthPairing, tolerance: float) -> str:
        topic = self.topic
        if not self._node.count_publishers(topic):
            return f"nobody publishes {topic}"
        if not pairing.ever:
            return f"nothing has come on {topic}"
        apart = f"{pairing.apart:.2f} s apart from the frame"
        return f"the newest on {topic} is {apart}, more than {tolerance:.2f} s"
