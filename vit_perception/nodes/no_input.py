"""Why no image arrives: the likely reason, from the state of the ROS graph, and the remedy."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo

from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.nodes.transport import VARIABLES, large_image_environment

RAW = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
# Image topics that nodes like this one publish, which are no cameras.
_OUTPUTS = tuple(
    f"/{topic.name}" for topic in TOPICS.values() if topic.message_type == RAW and not topic.is_input
)
_MOST_TOPICS = 4


def explain_no_input(
    node: Node, topic: str, message_type: str, profile: QoSProfile, remapped: bool = True
) -> str:
    """The likely reason why a subscription receives nothing, and what to do, in one sentence.

    Args:
        node: the one that subscribed.
        topic: fully qualified name.
        message_type: of the subscription, as `package/msg/Type`.
        profile: QoS of the subscription.
        remapped: whether the topic is chosen by a remapping; else by the parameter `image_topics`.
    """
    publishers = node.get_publishers_info_by_topic(topic)
    if not publishers:
        return f"nobody publishes {topic}; {_other_topics(node, message_type, remapped)}"
    matching = [info for info in publishers if info.topic_type == message_type]
    if not matching:
        other = publishers[0].topic_type
        transport = {RAW: "raw", COMPRESSED: "compressed"}.get(other)
        choose = "remap image to" if remapped else "put into image_topics"
        remedy = f"set image_transport to {transport}" if transport else f"{choose} a camera's topic"
        return f"{topic} has {other}, but this node takes {message_type}: {remedy}"
    if reason := _incompatible(matching, profile):
        return f"the publisher of {topic} has a QoS that does not fit: {reason}"
    return f"{topic} has a publisher, but nothing arrives: it sends nothing, or {_transport_hint()}"


def _other_topics(node: Node, message_type: str, remapped: bool) -> str:
    """The image topics in the graph, and how to use one of them."""
    found = {
        name: kinds[0]
        for name, kinds in node.get_topic_names_and_types()
        if kinds[0] in (RAW, COMPRESSED) and not name.endswith(_OUTPUTS) and node.count_publishers(name)
    }
    if not found:
        return "there is no image topic at all: is the camera's driver running, in this ROS_DOMAIN_ID?"
    # Topics of the type that the node subscribes to come first.
    names = sorted(found, key=lambda name: (found[name] != message_type, name))
    listed = ", ".join(names[:_MOST_TOPICS]) + (", ..." if len(names) > _MOST_TOPICS else "")
    compressed = found[names[0]] == COMPRESSED
    remedy = f"remap with image{'/compressed' if compressed else ''}:={names[0]}"
    if not remapped:
        remedy = f"put one into image_topics, such as {names[0]}"
    switch = ""
    if found[names[0]] != message_type:
        switch = f" and image_transport:={'compressed' if compressed else 'raw'}"
    return f"image topics here are {listed}: {remedy}{switch}"


def _incompatible(publishers: list[TopicEndpointInfo], profile: QoSProfile) -> str:
    """Why the QoS of no publisher is compatible; empty if that of one is."""
    reasons = [qos_check_compatible(info.qos_profile, profile) for info in publishers]
    if all(compatibility == QoSCompatibility.ERROR for compatibility, _ in reasons):
        return str(reasons[0][1])
    return ""


def _transport_hint() -> str:
    if environment := large_image_environment():
        return (
            "its images are too large for the default transports: start it and this node with "
            f"{_assignments(environment)}"
        )
    if chosen := {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}:
        return f"it was not started with this node's {_assignments(chosen)}"
    return "its images are too large for the middleware's settings"


def _assignments(environment: Mapping[str, str]) -> str:
    return " ".join(f"{name}='{value}'" for name, value in environment.items())
