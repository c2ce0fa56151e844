"""Cameras that can be disturbed: rate, shape, encoding, stamps and QoS change, and they come and go."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from vit_perception.chaos.files import HOSTILE_FILES, as_file
from vit_perception.chaos.images import HOSTILE, good_image
from vit_perception.chaos.setup import Setup
from vit_perception.nodes.images.header import read_size
from vit_perception.replay.cdr import NANOSECONDS
from vit_perception.replay.live_node import LiveNode

# Frames that are remembered; what is older cannot be answered any more.
_REMEMBERED = 5000
_PREPARED = 6
# What may be done to an image, by transport.
SPOILS: dict[str, dict[str, Any]] = {"raw": HOSTILE, "compressed": HOSTILE_FILES}

Key = tuple[int, int, str]  # seconds, nanoseconds and frame of a header


@dataclass(frozen=True)
class Sent:
    """An image that was published.

    Attributes:
        height: pixels, as the message or its file says.
        width: as `height`.
        good: whether it can be answered.
        camera: name of the one that sent it.
    """

    height: int
    width: int
    good: bool
    camera: str = ""


@dataclass(frozen=True)
class Behaviour:
    """How all cameras behave.

    Attributes:
        hz: frames a second; 0: silent.
        shape: height and width, pixels.
        encoding: of the images.
        ahead: seconds by which the stamps are ahead of the clock.
        still: whether all frames have one stamp.
        reliable: of their QoS.
        spoilt: name of what is done to every second image, of `SPOILS`; empty for nothing.
        frame: frame_id, after the name of the camera.
        absent: names of those without a publisher.
    """

    hz: float = 15.0
    shape: tuple[int, int] = (480, 640)
    encoding: str = "bgr8"
    ahead: float = 0.0
    still: bool = False
    reliable: bool = True
    spoilt: str = ""
    frame: str = "camera"
    absent: tuple[str, ...] = ()


class Cameras(LiveNode):
    """Publish until the context ends.

    Args:
        namespace: of their topics, with a slash at its beginning.
        seed: of the pictures.

    Attributes:
        behaviour: assign another one to change it.
        setup: which cameras there are; assign another one with that of the suite.
        sent: header → what was sent, the newest few thousand.
        good_frames: how many could be answered.
        bad_frames: how many could not.
        good_since: since when all have been good and came at a steady rate; None: they do not.
    """

    def __init__(self, namespace: str, seed: int) -> None:
        super().__init__("chaos_cameras")
        self.behaviour, self.setup = Behaviour(), Setup()
        self.sent: dict[Key, Sent] = {}
        self.good_frames = self.bad_frames = 0
        self.good_since: float | None = None
        self._namespace, self._rng = namespace, np.random.default_rng(seed)
        self._off = threading.Event()
        self._clock = threading.Thread(target=self._run, name="chaos-cameras", daemon=True)
        self._publishers: dict[tuple[Setup, str, bool], Any] = {}

    @property
    def present(self) -> tuple[str, ...]:
        """Names of those that have a publisher."""
        return tuple(name for name in self.setup.cameras if name not in self.behaviour.absent)

    def __enter__(self) -> Cameras:
        super().__enter__()
        self._clock.start()
        return self

    def __exit__(self, *details: Any) -> None:
        self._off.set()
        self._clock.join()
        super().__exit__(*details)

    def _run(self) -> None:
        prepared: tuple[Any, list[Image | CompressedImage]] = (None, [])
        count = 0
        while not self._off.wait(1 / (self.behaviour.hz or 10.0)):
            behaviour, setup, present = self.behaviour, self.setup, self.present
            self._keep_publishers(setup, present, behaviour.reliable)
            if not behaviour.hz or not present:
                self.good_since = None
                continue
            look = (behaviour.shape, behaviour.encoding, setup.transport)
            if prepared[0] != look:
                prepared = (look, [self._image(*look) for _ in range(_PREPARED)])
            count += 1
            for name in present:
                self._publish(behaviour, setup, name, prepared[1][count % _PREPARED], bool(count % 2))

    def _image(self, shape: tuple[int, int], encoding: str, transport: str) -> Image | CompressedImage:
        image = good_image(Header(), shape, encoding, self._rng)
        return image if transport == "raw" else as_file(image)

    def _publish(
        self, behaviour: Behaviour, setup: Setup, camera: str, image: Image | CompressedImage, odd: bool
    ) -> None:
        # All frames of a shape have one stamp, or a late answer would be held against another shape.
        frozen = NANOSECONDS * (1 + behaviour.shape[0]) + behaviour.shape[1]
        now = frozen if behaviour.still else time.time_ns() + int(1e9 * behaviour.ahead)
        seconds, nanoseconds = divmod(max(now, 0), NANOSECONDS)
        message = _copy(image)
        message.header.frame_id = frame = f"{camera}{behaviour.frame}"
        message.header.stamp.sec, message.header.stamp.nanosec = seconds, nanoseconds
        spoil = SPOILS[setup.transport].get(behaviour.spoilt) if odd else None
        if spoil is not None:
            spoil(message, self._rng)
        if isinstance(message, Image):
            size = message.height, message.width
        else:
            size = (read_size(bytes(message.data)) or behaviour.shape[::-1])[::-1]
        self.sent[seconds, nanoseconds, frame] = Sent(*size, spoil is None, camera)
        while len(self.sent) > _REMEMBERED:
            self.sent.pop(next(iter(self.sent)))
        self._publishers[setup, camera, behaviour.reliable].publish(message)
        if spoil is not None:
            self.bad_frames, self.good_since = self.bad_frames + 1, None
        else:
            self.good_frames += 1
            if self.good_since is None:
                self.good_since = time.monotonic()

    def _keep_publishers(self, setup: Setup, present: tuple[str, ...], reliable: bool) -> None:
        """One for each camera that is there, of this QoS; all others go."""
        wanted = {(setup, name, reliable) for name in present}
        for key in self._publishers.keys() - wanted:
            self._node.destroy_publisher(self._publishers.pop(key))
        policy = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        kind = Image if setup.transport == "raw" else CompressedImage
        for key in wanted - self._publishers.keys():
            topic = setup.topic(self._namespace, key[1])
            self._publishers[key] = self._node.create_publisher(
                kind, topic, QoSProfile(depth=1, reliability=policy)
            )


def _copy(image: Image | CompressedImage) -> Any:
    """With a header of its own."""
    fields = {name: getattr(image, name) for name in image.get_fields_and_field_types() if name != "header"}
    return type(image)(**fields)
