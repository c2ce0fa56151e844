"""The page's ROS node: subscribes to what somebody looks at, and to nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription

from vit_perception.nodes.diagnostics import SUBJECT, node_of
from vit_perception.nodes.outputs.topics import DIAGNOSTICS, TOPICS, Qos, message_class
from vit_perception.nodes.qos import qos_profile
from vit_perception.replay.cdr import IMAGE, stamp_ns
from vit_perception.replay.live_node import LiveNode
from vit_perception.view.discovery import CameraTopics, find_cameras
from vit_perception.view.gathering import Gathering, Message
from vit_perception.view.layers import DEPTH_IMAGE, LABEL_TOPICS

# Best effort: a publisher never waits for this process, nor sends anything twice for it.
_NEWEST = Qos(reliable=False, depth=2)
# How often wishes are carried out, and how often the graph is read.
_TEND_SECONDS = 0.2
_DISCOVER_SECONDS = 1.0
# Without a report for so long, a node is no longer there.
_GONE_SECONDS = 10.0
_LEVELS = {DiagnosticStatus.OK: "OK", DiagnosticStatus.WARN: "WARN"}


@dataclass(frozen=True)
class Report:
    """What a node last said on /diagnostics.

    Attributes:
        level: OK, WARN or ERROR.
        message: in words.
        values: by name.
        when: it came, monotonic seconds.
    """

    level: str
    message: str
    values: Mapping[str, str]
    when: float


# Called with topic, type and bytes of each message.
Tap = Callable[[str, str, bytes], None]


class Watcher(LiveNode):
    """Use as a context manager.

    Args:
        news: called when a message has come, in the thread that spins.

    Attributes:
        reports: by the node's full name.
        cameras: by the prefix of their topics.
        gatherings: of the cameras that somebody looks at.
        labels: camera → topic → class id → name.
        latched: the last message of each topic of labels, by its full name.
        tap: gets every message beside; None: nobody does.
    """

    def __init__(self, news: Callable[[], None]) -> None:
        super().__init__("vit_perception_view")
        self.reports: dict[str, Report] = {}
        self.cameras: dict[str, CameraTopics] = {}
        self.gatherings: dict[str, Gathering] = {}
        self.labels: dict[str, dict[str, dict[str, str]]] = {}
        self.latched: dict[str, Message] = {}
        self.tap: Tap | None = None
        self._news = news
        self._wanted: Mapping[str, frozenset[str]] = {}
        self._attended = False
        self._subscriptions: dict[str, Subscription] = {}
        self._discovered = 0.0
        self._node.create_timer(_TEND_SECONDS, self._tend)

    def want(self, attended: bool, layers: Mapping[str, frozenset[str]]) -> None:
        """Say what somebody looks at; subscriptions follow within 0.2 s.

        Args:
            attended: whether there is anybody; without, nothing is subscribed to.
            layers: by the camera's prefix; its image is included.
        """
        self._attended, self._wanted = attended, layers

    def _tend(self) -> None:
        """In the thread that spins: any other would pull a subscription from under it."""
        for prefix in self.gatherings.keys() - self._wanted.keys():
            del self.gatherings[prefix]
        wishes = self._wishes() if self._attended else {}
        for topic in self._subscriptions.keys() - wishes.keys():
            self._node.destroy_subscription(self._subscriptions.pop(topic))
            self.latched.pop(topic, None)
        for topic in wishes.keys() - self._subscriptions.keys():
            self._subscriptions[topic] = wishes[topic]()
        now = time.monotonic()
        if self._attended and now - self._discovered > _DISCOVER_SECONDS:
            self._discovered = now
            self._discover(now)

    def _wishes(self) -> dict[str, Callable[[], Subscription]]:
        """Topic → what subscribes to it."""
        report = TOPICS[DIAGNOSTICS]
        wishes = {
            DIAGNOSTICS: self._subscriber(DIAGNOSTICS, report.message_type, report.qos, self._note),
        }
        for prefix, layers in self._wanted.items():
            camera = self.cameras.get(prefix)
            if camera is None:
                continue
            self.gatherings.setdefault(prefix, Gathering(prefix))
            if camera.image:
                image, kind = camera.image
                wishes[image] = self._subscriber(image, kind, _NEWEST, self._gatherer(prefix, "image", kind))
            if camera.depth and DEPTH_IMAGE in layers:
                reader = self._gatherer(prefix, DEPTH_IMAGE, IMAGE)
                wishes[camera.depth] = self._subscriber(camera.depth, IMAGE, _NEWEST, reader)
            for name, kind in camera.results.items():
                topic = f"{prefix}/{name}"
                if name in layers:
                    wishes[topic] = self._subscriber(topic, kind, _NEWEST, self._gatherer(prefix, name, kind))
                elif name in LABEL_TOPICS:
                    reader = self._label_reader(prefix, name, kind)
                    wishes[topic] = self._subscriber(topic, kind, TOPICS[name].qos, reader)
        return wishes

    def _subscriber(
        self, topic: str, kind: str, qos: Qos, receive: Callable[[bytes], None]
    ) -> Callable[[], Subscription]:
        def receive_and_tap(cdr: bytes) -> None:
            receive(cdr)
            if (tap := self.tap) is not None:
                tap(topic, kind, cdr)

        return lambda: self._node.create_subscription(
            message_class(kind), topic, receive_and_tap, qos_profile(qos), raw=True
        )

    def _gatherer(self, prefix: str, layer: str, kind: str) -> Callable[[bytes], None]:
        gathering = self.gatherings[prefix]

        def receive(cdr: bytes) -> None:
            gathering.add(layer, stamp_ns(cdr), Message(kind, cdr))
            self._news()

        return receive

    def _label_reader(self, prefix: str, name: str, kind: str) -> Callable[[bytes], None]:
        def receive(cdr: bytes) -> None:
            self.latched[f"{prefix}/{name}"] = Message(kind, cdr)
            classes = deserialize_message(cdr, message_class(kind)).class_map
            names = {str(each.class_id): each.class_name for each in classes}
            self.labels[prefix] = {**self.labels.get(prefix, {}), name: names}

        return receive

    def _note(self, cdr: bytes) -> None:
        now = time.monotonic()
        for status in deserialize_message(cdr, DiagnosticArray).status:
            if not status.name.endswith(SUBJECT):
                continue  # another driver's
            values = {entry.key: entry.value for entry in status.values}
            level = _LEVELS.get(status.level, "ERROR")
            self.reports[node_of(status)] = Report(level, status.message, values, now)

    def _discover(self, now: float) -> None:
        self.reports = {
            node: report for node, report in self.reports.items() if now - report.when < _GONE_SECONDS
        }
        found = find_cameras(self._node, self.reports)
        for prefix, camera in found.items():
            # A node subscribes to images only while somebody subscribes to its results.
            known = self.cameras.get(prefix)
            if known is not None:
                image, depth = camera.image or known.image, camera.depth or known.depth
                found[prefix] = replace(camera, image=image, depth=depth)
        self.cameras = found
