"""Quality of service: ROS profiles of the topic table, and a subscription that follows its publishers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from vit_perception.nodes.outputs.topics import Qos


def qos_profile(qos: Qos) -> QoSProfile:
    """The same in ROS's own terms."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=qos.depth,
        reliability=ReliabilityPolicy.RELIABLE if qos.reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if qos.transient_local else DurabilityPolicy.VOLATILE,
    )


def compatible_qos(publishers: Iterable[QoSProfile], depth: int) -> Qos:
    """The strongest QoS of a subscription that every one of these publishers can serve.

    Reliable and transient local where all of them are. Otherwise weaker: a best-effort subscription receives
    from reliable publishers, too, but a reliable one would not receive from best-effort publishers.

    Args:
        publishers: the profiles they offer; without any, the weakest is returned.
        depth: length of the subscription's queue.
    """
    profiles = list(publishers)
    return Qos(
        reliable=bool(profiles) and all(p.reliability == ReliabilityPolicy.RELIABLE for p in profiles),
        transient_local=bool(profiles)
        and all(p.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in profiles),
        depth=depth,
    )


def adopted(publishers: Iterable[QoSProfile]) -> QoSProfile:
    """The profile of an image subscription to these publishers. Only the newest frame is of use."""
    return qos_profile(compatible_qos(publishers, depth=1))


class AdaptiveSubscription:
    """A subscription with the QoS of its publishers, renewed whenever they need another.

    The graph is read again when a publisher comes or goes. `refresh` reads it at any other time, for
    middleware without such events.

    Args:
        node: that subscribes.
        message_type: the message class.
        topic: its name before remapping.
        callback: receives each message, in the executor's thread.
    """

    def __init__(self, node: Node, message_type: Any, topic: str, callback: Callable[[Any], None]) -> None:
        self._node = node
        self._message_type = message_type
        self._topic = topic
        self._callback = callback
        self._subscription: Subscription | None = None
        # A subscription must not be destroyed inside its own event: the executor still uses it.
        self._changed = node.create_guard_condition(self.refresh)
        self.profile = self._profile()
        self._subscribe()

    @property
    def topic(self) -> str:
        """Name of the topic with namespace and remappings."""
        return str(self._node.resolve_topic_name(self._topic))

    def refresh(self) -> None:
        """Subscribe again if the publishers' QoS has changed."""
        profile = self._profile()
        if self._subscription is not None and profile != self.profile:
            self.profile = profile
            self._node.destroy_subscription(self._subscription)
            self._subscribe()

    def destroy(self) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        self._node.destroy_guard_condition(self._changed)

    def _profile(self) -> QoSProfile:
        return adopted(info.qos_profile for info in self._node.get_publishers_info_by_topic(self._topic))

    def _subscribe(self) -> None:
        def notice(_: Any) -> None:
            self._changed.trigger()

        events = SubscriptionEventCallbacks(matched=notice, incompatible_qos=notice)
        try:
            self._create(events)
        except UnsupportedEventTypeError:
            self._create(None)

    def _create(self, events: SubscriptionEventCallbacks | None) -> None:
        self._subscription = self._node.create_subscription(
            self._message_type, self._topic, self._callback, self.profile, event_callbacks=events
        )
