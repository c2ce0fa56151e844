"""A subscription that hears whoever publishes: its QoS follows the publishers'."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

# Only the newest frame is of use.
_DEPTH = 1


def adopted(publishers: Iterable[QoSProfile]) -> QoSProfile:
    """The strongest QoS that hears every one of these publishers.

    Reliable and transient local where all of them are, else what all of them can serve: a best-effort
    subscription hears reliable publishers, too, and a reliable one would not hear the others.
    """
    profiles = list(publishers)
    reliable = bool(profiles) and all(p.reliability == ReliabilityPolicy.RELIABLE for p in profiles)
    latched = bool(profiles) and all(p.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in profiles)
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=_DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


class AdaptiveSubscription:
    """Subscribes to `topic` with the QoS of its publishers, again whenever they ask for another.

    A look at the graph follows each publisher's coming and going; `refresh` takes one more, for
    middleware that does not tell.
    """

    def __init__(self, node: Node, message_type: Any, topic: str, callback: Callable[[Any], None]) -> None:
        self._node = node
        self._message_type = message_type
        self._topic = topic
        self._callback = callback
        self._subscription: Subscription | None = None
        # Replacing a subscription inside its own event would pull it from under the executor.
        self._changed = node.create_guard_condition(self.refresh)
        self.profile = self._profile()
        self._subscribe()

    @property
    def topic(self) -> str:
        """Name of the topic with namespace and remappings."""
        return str(self._node.resolve_topic_name(self._topic))

    def refresh(self) -> None:
        """Subscribe anew if the publishers' QoS calls for it."""
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
