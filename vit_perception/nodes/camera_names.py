"""Names of cameras, and of the topics beside their images. Needs no ROS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# The input topic where no `image_topics` are given, which a launch file remaps.
DEFAULT_TOPIC = "image"
_COMPRESSED, _COMPRESSED_DEPTH = "/compressed", "/compressedDepth"


def without_transport(topic: str) -> str:
    """The topic of images without the suffix of their transport: users often give the whole name."""
    return topic.removesuffix(_COMPRESSED).removesuffix(_COMPRESSED_DEPTH)


def compressed(topic: str) -> str:
    """Where the images of a topic come compressed."""
    return f"{without_transport(topic)}{_COMPRESSED}"


def compressed_depth(topic: str) -> str:
    """Where the depth of a topic comes compressed."""
    return f"{without_transport(topic)}{_COMPRESSED_DEPTH}"


def is_compressed_depth(topic: str) -> bool:
    """Whether compressed images of this topic are depth."""
    return topic.endswith(_COMPRESSED_DEPTH)


def topic_beside(topic: str, what: str) -> str:
    """The topic of something else of a camera, such as `camera_info`: beside its images."""
    folder, slash, _ = without_transport(topic).rpartition("/")
    return f"{folder}{slash}{what}"


def topic_of_camera(name: str, topic: str, what: str) -> str:
    """The same for a camera of a node, outside the node's namespace if its images are.

    Args:
        name: of the camera, see `camera_names`; it may be all of the topic.
        topic: of its images.
        what: last part of the topic.
    """
    root = "/" if topic.startswith("/") else ""
    return topic_beside(f"{root}{name}/{DEFAULT_TOPIC}" if name else DEFAULT_TOPIC, what)


def camera_names(topics: Sequence[str]) -> dict[str, str]:
    """Topics by the names of their cameras.

    The camera of `/front/image_raw`, `front/image` or `front` is called `front`.

    Args:
        topics: with or without a transport's suffix; none: one camera without a name, on the topic `image`.

    Raises:
        ValueError: a topic is empty, or two are of one camera; the message names them.
    """
    cameras: dict[str, str] = {}
    for topic in topics:
        parts = without_transport(topic).strip("/").split("/")
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


def by_camera(states: Mapping[str, str]) -> str:
    """States by the name of their camera, in one line; empty ones are left out."""
    return "; ".join(f"{name}: {state}" if name else state for name, state in states.items() if state)
