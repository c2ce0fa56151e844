"""What nodes publish, as the ROS graph shows it."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.node import Node, NodeNameNonExistentError

from vit_perception.nodes.outputs.topics import DIAGNOSTICS, Qos, message_class
from vit_perception.nodes.qos import compatible_qos

# Topics that every node has.
_PLUMBING = ("/rosout", "/parameter_events")
_DEPTH = 10


@dataclass(frozen=True)
class OutputTopic:
    """A topic that the nodes publish.

    Attributes:
        name: with its namespace.
        message_type: `package/msg/Name`.
        qos: of a subscription that every publisher can serve.
        per_frame: whether every frame gets a message on it; not so latched topics and diagnostics.
    """

    name: str
    message_type: str
    qos: Qos
    per_frame: bool


def published_topics(observer: Node, node: str, namespace: str = "/") -> dict[str, str]:
    """Topic name → message type of what a node publishes, without what every node has.

    Args:
        observer: any node of the graph.
        node: name of the other; nothing is returned while it is unknown.
        namespace: of the other.
    """
    try:
        published = observer.get_publisher_names_and_types_by_node(node, namespace)
    except NodeNameNonExistentError:
        return {}
    return {
        name: types[0]
        for name, types in published
        if name not in _PLUMBING and not name.endswith("/transition_event")
    }


def describe(observer: Node, name: str, message_type: str) -> OutputTopic | None:
    """A published topic; None while no publisher is known."""
    publishers = observer.get_publishers_info_by_topic(name)
    if not publishers:
        return None
    qos = compatible_qos((publisher.qos_profile for publisher in publishers), _DEPTH)
    per_frame = is_stamped(message_type) and not qos.transient_local and name != DIAGNOSTICS
    return OutputTopic(name, message_type, qos, per_frame)


def is_stamped(message_type: str) -> bool:
    """Whether messages of this type begin with a header."""
    fields = message_class(message_type).get_fields_and_field_types()
    return next(iter(fields.values()), "") == "std_msgs/Header"
