"""A camera that can be disturbed: its rate, shape, encoding, stamps and QoS change while it runs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from vit_perception.chaos.images import HOSTILE, good_image
from vit_perception.replay.cdr import NANOSECONDS
from vit_perception.replay.live_node import LiveNode

# Frames that are remembered; what is older cannot be answered any more.
_REMEMBERED = 5000
_PREPARED = 6

Key = tuple[int, int, str]  # seconds, nanoseconds and frame of a header


@dataclass(frozen=True)
class Sent:
    """An image that was published.

    Attributes:
        height: pixels, as the message says.
        width: as `height`.
        good: whether it can be answered.
    """

    height: int
    width: int
    good: bool


@dataclass(frozen=True)
class Behaviour:
    """How the camera behaves.

    Attributes:
        hz: frames a second; 0: silent.
        shape: height and width, pixels.
        encoding: of the images.
        ahead: seconds by which the stamps are ahead of the clock.
        still: whether all frames have one stamp.
        reliable: of its QoS.
        spoilt: name of what is done to every second image, of `HOSTILE`; empty for nothing.
        frame: frame_id.
    """

    hz: float = 15.0
    shape: tuple[int, int] = (480, 640)
    encoding: str = "bgr8"
    ahead: float = 0.0
    still: bool = False
    reliable: bool = True
    spoilt: str = ""
    frame: str = "camera"


class Camera(LiveNode):
    """Publishes until the context ends.

    Args:
        topic: of its images.
        seed: of the pictures.

    Attributes:
        behaviour: assign another one to change it.
        sent: header → what was sent, the newest few thousand.
        good_frames: how many could be answered.
        bad_frames: how many could not.
        last_good: monotonic time of the last one that can be answered.
        good_since: since when all have been good and came at a steady rate; None: they do not.
    """

    def __init__(self, topic: str, seed: int) -> None:
        super().__init__("chaos_camera")
        self.behaviour = Behaviour()
        self.sent: dict[Key, Sent] = {}
        self.good_frames = self.bad_frames = 0
        self.good_since: float | None = None
        self._topic, self._rng = topic, np.random.default_rng(seed)
        self._off = threading.Event()
        self._clock = threading.Thread(target=self._run, name="chaos-camera", daemon=True)
        self._publishers: dict[bool, Any] = {}

    def __enter__(self) -> Camera:
        super().__enter__()
        self._clock.start()
        return self

    def __exit__(self, *details: Any) -> None:
        self._off.set()
        self._clock.join()
        super().__exit__(*details)

    def _run(self) -> None:
        prepared: tuple[Behaviour | None, list[Image]] = (None, [])
        count = 0
        while not self._off.wait(1 / (self.behaviour.hz or 10.0)):
            behaviour = self.behaviour
            if not behaviour.hz:
                self.good_since = None
                continue
            look = replace(behaviour, hz=1.0, ahead=0.0, still=False, spoilt="", reliable=True)
            if prepared[0] != look:
                images = [
                    good_image(Header(), behaviour.shape, behaviour.encoding, self._rng)
                    for _ in range(_PREPARED)
                ]
                prepared = (look, images)
            count += 1
            self._publish(behaviour, prepared[1][count % _PREPARED], bool(count % 2))

    def _publish(self, behaviour: Behaviour, image: Image, odd: bool) -> None:
        # All frames of a shape have one stamp, or a late answer would be held against another shape.
        frozen = NANOSECONDS * (1 + behaviour.shape[0]) + behaviour.shape[1]
        now = frozen if behaviour.still else time.time_ns() + int(1e9 * behaviour.ahead)
        seconds, nanoseconds = divmod(max(now, 0), NANOSECONDS)
        message = Image(
            height=image.height,
            width=image.width,
            encoding=image.encoding,
            is_bigendian=image.is_bigendian,
            step=image.step,
            data=image.data,
        )
        message.header.frame_id = behaviour.frame
        message.header.stamp.sec, message.header.stamp.nanosec = seconds, nanoseconds
        spoilt = bool(behaviour.spoilt) and odd
        if spoilt:
            HOSTILE[behaviour.spoilt](message, self._rng)
        self.sent[seconds, nanoseconds, behaviour.frame] = Sent(message.height, message.width, not spoilt)
        while len(self.sent) > _REMEMBERED:
            self.sent.pop(next(iter(self.sent)))
        self._publisher(behaviour.reliable).publish(message)
        if spoilt:
            self.bad_frames, self.good_since = self.bad_frames + 1, None
        else:
            self.good_frames += 1
            if self.good_since is None:
                self.good_since = time.monotonic()

    def _publisher(self, reliable: bool) -> Any:
        """The one publisher of this QoS; that of the other one goes."""
        if reliable not in self._publishers:
            for other in self._publishers.values():
                self._node.destroy_publisher(other)
            policy = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
            profile = QoSProfile(depth=1, reliability=policy)
            self._publishers = {reliable: self._node.create_publisher(Image, self._topic, profile)}
        return self._publishers[reliable]
