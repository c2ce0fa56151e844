"""What a bag has beside its images: of the camera, and of where the robot is and is to go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from rosbags.interfaces import TopicInfo

from vit_perception.nodes.camera_names import (
    compressed_depth,
    is_compressed_depth,
    topic_beside,
    without_transport,
)
from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.replay.cdr import IMAGE
from vit_perception.replay.sources import SourceError

DEPTH_IMAGE, CAMERA_INFO, ODOM, GOAL = "depth_image", "camera_info", "odom", "goal_pose"
COMPRESSED_DEPTH = compressed_depth(DEPTH_IMAGE)
# The two inputs for depth, of which a bag has one.
DEPTH_INPUTS = (DEPTH_IMAGE, COMPRESSED_DEPTH)
# The same for all robots.
TRANSFORMS = ("/tf", "/tf_static")
BESIDE = (DEPTH_IMAGE, CAMERA_INFO, ODOM, GOAL, *TRANSFORMS)
# The option that names a topic for each.
OPTIONS = {
    DEPTH_IMAGE: "--depth-topic",
    CAMERA_INFO: "--camera-info-topic",
    ODOM: "--odom-topic",
    GOAL: "--goal-topic",
}
# Only a navigator takes them: people who have none do not miss them.
_OF_A_NAVIGATOR = (GOAL, *TRANSFORMS)
# Encodings that are depth and nothing else (REP 118).
DEPTH_ENCODINGS = ("32FC1", "16UC1")
# What drivers call depth that is registered to the colour image.
_REGISTERED = ("aligned", "registered")
# Images that our nodes publish, some of them in such an encoding; `depth` is in metres.
_OURS = tuple(f"/{name}" for name, topic in TOPICS.items() if not topic.is_input and name != "depth")


@dataclass(frozen=True)
class Found:
    """Where a bag has what goes with its images.

    Attributes:
        topics: of the bag, by the nodes' input.
        missing: why others are not there, for people.
    """

    topics: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def find_beside(
    recorded: Mapping[str, TopicInfo], image: str, named: Mapping[str, str], is_depth: Callable[[str], bool]
) -> Found:
    """The topics that belong to an image topic.

    `camera_info` is beside the image, as for the launch files. Depth is an image that `is_depth`: the one
    with most of its name in common with the image topic, `depth_image` and what is called aligned or
    registered before others, raw before compressed. Odometry is the only one, or that on a topic called
    `odom`. A goal is on a topic called `goal_pose`, and transforms are on /tf and /tf_static.

    Args:
        recorded: all topics of the bag, those without messages left out.
        image: the image topic.
        named: topic by input, where the user has chosen.
        is_depth: whether the images of a topic are depth.

    Raises:
        SourceError: the bag has no such topic, or it is of another type.
    """
    topics, missing = {}, []
    for name in BESIDE:
        if name in named:
            topics[name] = _named(recorded, name, named[name])
        elif len(found := _candidates(recorded, name, image, is_depth)) == 1:
            topics[name] = found[0]
        elif found:
            missing.append(f"no {name}, which may be {' or '.join(found)}: choose with {OPTIONS[name]}")
        elif name not in _OF_A_NAVIGATOR:
            missing.append(f"no {name}")
    if is_compressed_depth(topics.get(DEPTH_IMAGE, "")):
        topics[COMPRESSED_DEPTH] = topics.pop(DEPTH_IMAGE)
    return Found(topics, tuple(missing))


def _named(recorded: Mapping[str, TopicInfo], name: str, topic: str) -> str:
    wanted, kind = "/" + topic.lstrip("/"), TOPICS[name].message_type
    possible = _all_depth(recorded) if name == DEPTH_IMAGE else _of_type(recorded, kind)
    if wanted not in possible:
        listed = ", ".join(possible) or "none"
        raise SourceError(f"the bag has no {wanted} of type {kind} for {OPTIONS[name]}: it has {listed}")
    return wanted


def _candidates(
    recorded: Mapping[str, TopicInfo], name: str, image: str, is_depth: Callable[[str], bool]
) -> list[str]:
    if name == DEPTH_IMAGE:
        return _depth(recorded, image, is_depth)
    if name == CAMERA_INFO:
        return _exactly(recorded, name, topic_beside(image, name))
    if name == ODOM:
        called = _called(recorded, name)
        return called if len(called) == 1 else _of_type(recorded, TOPICS[name].message_type)
    return _called(recorded, name) if name == GOAL else _exactly(recorded, name, name)


def _depth(recorded: Mapping[str, TopicInfo], image: str, is_depth: Callable[[str], bool]) -> list[str]:
    def rank(topic: str) -> tuple[bool, int, bool, bool]:
        name, is_raw = without_transport(topic), not is_compressed_depth(topic)
        shared = takewhile(
            lambda parts: parts[0] == parts[1], zip(name.split("/"), image.split("/"), strict=False)
        )
        registered = any(word in name for word in _REGISTERED)
        return name == topic_beside(image, DEPTH_IMAGE), len(list(shared)), registered, is_raw

    others = [topic for topic in _all_depth(recorded) if topic != image and not topic.endswith(_OURS)]
    found = [topic for topic in others if is_compressed_depth(topic) or is_depth(topic)]
    best = max(map(rank, found), default=None)
    return [topic for topic in found if rank(topic) == best]


def _exactly(recorded: Mapping[str, TopicInfo], name: str, topic: str) -> list[str]:
    return [topic] if topic in _of_type(recorded, TOPICS[name].message_type) else []


def _called(recorded: Mapping[str, TopicInfo], name: str) -> list[str]:
    found = _of_type(recorded, TOPICS[name].message_type)
    return [topic for topic in found if topic.rpartition("/")[2] == name]


def _all_depth(recorded: Mapping[str, TopicInfo]) -> list[str]:
    """The topics that may be depth by their types and names."""
    compressed = _of_type(recorded, TOPICS[COMPRESSED_DEPTH].message_type)
    return [*_of_type(recorded, IMAGE), *filter(is_compressed_depth, compressed)]


def _of_type(recorded: Mapping[str, TopicInfo], kind: str) -> list[str]:
    return [topic for topic, info in recorded.items() if info.msgtype == kind]
