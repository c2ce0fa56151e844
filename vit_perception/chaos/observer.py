"""Holds every message of the suite against what was sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image
from vision_msgs.msg import Classification, Detection2DArray

from vit_perception.chaos.cameras import Cameras, Sent
from vit_perception.chaos.setup import ONE, SEVERAL, beside
from vit_perception.nodes.outputs.topics import DIAGNOSTICS, TOPICS, message_class
from vit_perception.replay.live_node import LiveNode

# What every model of ours publishes for each frame.
RESULTS = (
    "classification",
    "detections",
    "segmentation/mask",
    "segmentation/confidence",
    "navigation/action",
    "navigation/collision",
    "attention/heatmap",
    "overlay",
)
_DEPTH = 20
# Pixels by which rounding to float32 may leave the picture.
_SLACK = 0.01
# Seconds of steady good frames without any answer after which "OK" is a lie.
_LIE_SECONDS = 6.0
# Counts of a report: what became of the frames.
_COUNTS = ("received", "processed", "dropped", "throttled", "overtaken", "stale", "unsubscribed", "lost")


class Observer(LiveNode):
    """Subscribes to all results and to the diagnostics of one node. Use as a context manager.

    Args:
        cameras: which know what was sent.
        namespace: of the node, with a slash at its beginning.

    Attributes:
        problems: sentence → how often.
        answers: camera → messages on its `detections`.
        answered: good frames with a message on `detections`.
        levels: how often the node reported which level.
        last_answer: camera → monotonic time of the last message about a frame of it.
        hushed_until: monotonic time until which silence is expected, for example while a node is paused.
    """

    def __init__(self, cameras: Cameras, namespace: str) -> None:
        super().__init__("chaos_observer")
        self.problems: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.levels: Counter[str] = Counter()
        self.answered = 0
        self.hushed_until = time.monotonic()
        self.last_answer = dict.fromkeys((*ONE, *SEVERAL), self.hushed_until)
        self._cameras, self._frames = cameras, {name: Counter[str]() for name in ("past", "now")}
        for camera, name in product(self.last_answer, RESULTS):
            kind, topic = message_class(TOPICS[name].message_type), beside(namespace, camera, name)
            self._node.create_subscription(kind, topic, self._receiver(name, camera), _DEPTH)
        self._node.create_subscription(DiagnosticArray, DIAGNOSTICS, self._diagnosed, _DEPTH)

    @property
    def frames(self) -> Counter[str]:
        """What became of the frames that the nodes received, by their own count."""
        return self._frames["past"] + self._frames["now"]

    def hush(self, seconds: float) -> None:
        """Expect no answers for so long."""
        self.hushed_until = max(self.hushed_until, time.monotonic() + seconds)

    def _receiver(self, name: str, camera: str = "") -> Any:
        def receive(message: Any) -> None:
            self.answers[camera] += name == "detections"
            self.last_answer[camera] = time.monotonic()
            stamp = message.header.stamp
            sent = self._cameras.sent.get((stamp.sec, stamp.nanosec, message.header.frame_id))
            if sent is None or sent.camera != camera:
                self.problems[f"{name} has a header that no image of its camera had"] += 1
                return
            if name == "detections" and sent.good:
                self.answered += 1
            for problem in _problems(message, sent):
                self.problems[f"{name} {problem}"] += 1

        return receive

    def _diagnosed(self, message: DiagnosticArray) -> None:
        for status in message.status:
            level = {DiagnosticStatus.OK: "OK", DiagnosticStatus.WARN: "WARN"}.get(status.level, "ERROR")
            self.levels[level] += 1
            self._count({entry.key: entry.value for entry in status.values})
            since, present = self._cameras.good_since, self._cameras.present
            now = time.monotonic()
            steady = since is not None and now - since > _LIE_SECONDS and now > self.hushed_until
            silent = now - max((self.last_answer[camera] for camera in present), default=now)
            if level == "OK" and steady and silent > _LIE_SECONDS:
                self.problems["diagnostics says OK while frames arrive and none is answered"] += 1

    def _count(self, values: dict[str, str]) -> None:
        now = Counter({name: int(values.get(f"frames_{name}", 0)) for name in _COUNTS})
        now["failed"] = int(values.get("errors", 0))
        if now["received"] < self._frames["now"]["received"]:  # a new process counts from zero
            self._frames["past"] += self._frames["now"]
        self._frames["now"] = now


def _problems(message: Any, sent: Sent) -> Iterator[str]:
    """What is wrong with a result about an image."""
    if isinstance(message, Detection2DArray):
        yield from _box_problems(message, sent)
    elif isinstance(message, Classification):
        scores = np.array([each.score for each in message.results])
        if not np.isfinite(scores).all() or (scores < 0).any() or (scores > 1).any():
            yield "has a score that is no probability"
    elif isinstance(message, Image):
        yield from _image_problems(message, sent)


def _box_problems(message: Detection2DArray, sent: Sent) -> Iterator[str]:
    for detection in message.detections:
        box = detection.bbox
        centre, half = np.array([box.center.position.x, box.center.position.y]), (box.size_x, box.size_y)
        low, high = centre - np.array(half) / 2, centre + np.array(half) / 2
        scores = [each.hypothesis.score for each in detection.results]
        if not np.isfinite([*low, *high, *scores]).all():
            yield "has a value that is not finite"
        elif (low < -_SLACK).any() or (high > np.array([sent.width, sent.height]) + _SLACK).any():
            yield "has a box outside of its image"


def _image_problems(message: Image, sent: Sent) -> Iterator[str]:
    if message.step * message.height != len(message.data):
        yield "has another size than its data"
    elif not 0 < message.height <= sent.height or not 0 < message.width <= sent.width:
        yield "is larger than its image"
    elif message.encoding == "32FC1":
        values = np.frombuffer(message.data, np.float32)
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1 + 1e-5:
            yield "has a value that is not in 0..1"
