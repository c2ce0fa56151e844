"""The cameras of a node: the subscriptions to their images, and what is wrong with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.nodes import no_input
from vit_perception.nodes.camera_names import compressed
from vit_perception.nodes.lost_frames import LostFrames
from vit_perception.nodes.qos import AdaptiveSubscription
from vit_perception.nodes.stamps import seconds_of

# Message type, and its name in the ROS graph, by `image_transport`.
MESSAGES = {"raw": (Image, no_input.RAW), "compressed": (CompressedImage, no_input.COMPRESSED)}
# Called with the name of a camera, a message, and how many before it were lost.
Receiver = Callable[[str, Image | CompressedImage, int], None]
_NO_INPUT_SECONDS = 3.0
_LOG_SECONDS = 30.0


class Camera:
    """Subscribes to the images of one camera while somebody wants results of them.

    Args:
        node: subscribes.
        name: of the camera, see `camera_names`.
        topic: without the suffix of a transport.
        transport: `raw` or `compressed`.
        callback: called with the name, each message, and how many were lost before it, in the executor's
            thread.

    Attributes:
        attended: whether its images are subscribed to.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        topic: str,
        transport: str,
        callback: Receiver,
    ) -> None:
        self._node = node
        self.name = name
        self._callback = callback
        self._message_type, self._type_name = MESSAGES[transport]
        self._last_received = time.monotonic()
        self._lost = LostFrames()
        self._warned: tuple[str, float] = ("", float("-inf"))
        if transport == "compressed":
            topic = compressed(topic)
        self._topic = topic
        self._subscription: AdaptiveSubscription | None = None

    @property
    def topic(self) -> str:
        """Name of the topic with namespace and remappings."""
        return str(self._node.resolve_topic_name(self._topic))

    @property
    def attended(self) -> bool:
        return self._subscription is not None

    def attend(self, wanted: bool) -> None:
        """Subscribe if results are wanted, otherwise no longer.

        Images that nobody looks at cost time and bandwidth, above all those of a camera on another computer.
        """
        if wanted and self._subscription is None:
            self._last_received = time.monotonic()
            self._lost = LostFrames()
            self._subscription = AdaptiveSubscription(
                self._node, self._message_type, self._topic, self._on_message
            )
        elif not wanted:
            self.destroy()

    def destroy(self) -> None:
        if self._subscription is not None:
            self._subscription.destroy()
            self._subscription = None

    def warnings(self) -> list[str]:
        """What is wrong with its images; nothing while they arrive from one publisher."""
        return list(filter(None, [self._input_warning(), self._mixed()]))

    def _mixed(self) -> str:
        """That the frames of several publishers mix."""
        publishers = [
            f"{info.node_namespace.rstrip('/')}/{info.node_name}"
            for info in self._node.get_publishers_info_by_topic(self.topic)
            if info.topic_type == self._type_name
        ]
        if len(publishers) < 2:
            return ""
        names = ", ".join(sorted(publishers))
        return f"{self.topic} has {len(publishers)} publishers, whose frames mix: {names}; keep one of them"

    def _input_warning(self) -> str:
        """Why no image has arrived for too long; empty while images arrive. Also logged now and then."""
        if self._subscription is None:
            return (
                f"nobody subscribes to results of the enabled tasks, so {self.topic} is not subscribed to, "
                "and whether images come is not known"
            )
        self._subscription.refresh()
        now = time.monotonic()
        idle = now - self._last_received
        if idle < _NO_INPUT_SECONDS:
            self._warned = ("", float("-inf"))
            return ""
        reason = no_input.explain_no_input(
            self._node, self.topic, self._type_name, self._subscription.profile, remapped=not self.name
        )
        text, logged = self._warned
        if reason != text or now - logged > _LOG_SECONDS:
            self._warned = (reason, now)
            self._node.get_logger().warning(f"no image for {idle:.0f} s: {reason}")
        return f"no image for {idle:.0f} s: {reason}"

    def _on_message(self, message: Any) -> None:
        self._last_received = time.monotonic()
        lost = self._lost.observe(seconds_of(message.header))
        self._callback(self.name, message, lost)


class Cameras:
    """All cameras of a node that is active.

    Args:
        node: subscribes.
        topics: by name.
        transport: `raw` or `compressed`.
        callback: as `Camera` takes it.
    """

    def __init__(self, node: Node, topics: Mapping[str, str], transport: str, callback: Receiver) -> None:
        self._cameras = [Camera(node, name, topic, transport, callback) for name, topic in topics.items()]

    @property
    def topics(self) -> str:
        """Full names, for people."""
        return ", ".join(camera.topic for camera in self._cameras)

    @property
    def attended(self) -> bool:
        """Whether the images of any are subscribed to."""
        return any(camera.attended for camera in self._cameras)

    def attend(self, wanted: Callable[[str], bool]) -> None:
        """Subscribe to the images of those, given by name, whose results are wanted, and to no others."""
        for camera in self._cameras:
            camera.attend(wanted(camera.name))

    def warnings(self) -> list[str]:
        """What is wrong with the images of each."""
        return [warning for camera in self._cameras for warning in camera.warnings()]

    def destroy(self) -> None:
        for camera in self._cameras:
            camera.destroy()
