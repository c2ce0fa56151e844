"""One image topic: its subscription, the name that its outputs go under, and why it is silent."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.nodes import silence
from vit_perception.nodes.qos import AdaptiveSubscription

# The input where no `image_topics` are given: made to be remapped.
DEFAULT_TOPIC = "image"
# Message and its name in the graph by `image_transport`.
MESSAGES = {"raw": (Image, silence.RAW), "compressed": (CompressedImage, silence.COMPRESSED)}
_SILENCE_SECONDS = 3.0
_LOG_SECONDS = 30.0


class Camera:
    """Subscribes as long as it lives.

    Args:
        name: see `camera_names`. topic: without the suffix of a transport. transport: `raw` or `compressed`.
        receive: called with the name and each message, in the executor's thread.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        topic: str,
        transport: str,
        receive: Callable[[str, Image | CompressedImage], None],
    ) -> None:
        self._node = node
        self._name = name
        self._receive = receive
        message_type, self._kind = MESSAGES[transport]
        self._last_arrival = time.monotonic()
        self._warned: tuple[str, float] = ("", float("-inf"))
        if transport == "compressed":
            topic = f"{topic.removesuffix('/compressed')}/compressed"  # many paste the whole name
        self._subscription = AdaptiveSubscription(node, message_type, topic, self._take)

    @property
    def topic(self) -> str:
        return self._subscription.topic

    def destroy(self) -> None:
        self._subscription.destroy()

    def check(self) -> str:
        """Why no frame has come for too long; nothing if they come. Also logged, but not every time."""
        self._subscription.refresh()
        now = time.monotonic()
        quiet = now - self._last_arrival
        if quiet < _SILENCE_SECONDS:
            self._warned = ("", float("-inf"))
            return ""
        reason = silence.why_silent(
            self._node, self.topic, self._kind, self._subscription.profile, remapped=not self._name
        )
        text, logged = self._warned
        if reason != text or now - logged > _LOG_SECONDS:
            self._warned = (reason, now)
            self._node.get_logger().warning(f"no image for {quiet:.0f} s: {reason}")
        return f"no image for {quiet:.0f} s: {reason}"

    def _take(self, message: Any) -> None:
        self._last_arrival = time.monotonic()
        self._receive(self._name, message)


def camera_names(topics: Sequence[str]) -> dict[str, str]:
    """Topic by camera: `/front/image_raw`, `front/image` and `front` are all the camera `front`.

    Without topics there is one camera without a name, on `image`.

    Raises:
        ValueError: a topic is empty, or two are of one camera; says which.
    """
    cameras: dict[str, str] = {}
    for topic in topics:
        parts = topic.removesuffix("/compressed").strip("/").split("/")
        if len(parts) > 1 and parts[-1].startswith("image"):
            parts.pop()
        name = "/".join(parts)
        if not name:
            raise ValueError(f"{topic!r} is no topic: give one such as front/image_raw for each camera")
        if name in cameras:
            raise ValueError(
                f"{cameras[name]} and {topic} would both publish under {name}: give each camera its own name"
            )
        cameras[name] = topic
    return cameras or {"": DEFAULT_TOPIC}
