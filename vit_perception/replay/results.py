"""Reads a recorded run: its frames as pictures, and the nodes' results for them as `Perception` records."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mcap.reader import McapReader, make_reader
from rclpy.serialization import deserialize_message

from vit_perception.nodes.images import codec
from vit_perception.nodes.outputs.topics import DIAGNOSTICS, TOPICS, message_class
from vit_perception.replay.cdr import COMPRESSED_IMAGE
from vit_perception.replay.session import IMAGE_TOPICS
from vit_perception.runtime.results import (
    AnsweredFrame,
    Attention,
    Classification,
    Depth,
    Detection,
    Navigation,
    Perception,
    Segmentation,
)
from vit_perception.tasks import ATTENTION, CLASSIFICATION, DEPTH, DETECTION, NAVIGATION, SEGMENTATION

# Tasks whose results are class ids.
_LABELLED = (CLASSIFICATION, DETECTION, SEGMENTATION, NAVIGATION)
_IDENTITY = ("model", "engine", "precision")
# Class id → name.
_Names = Mapping[int, str]


class _Raw(NamedTuple):
    message_type: str
    cdr: bytes


def read_results(path: Path) -> Iterator[AnsweredFrame]:
    """The frames of a results.mcap in the order they were played; those without results are left out."""
    labels: dict[str, dict[int, str]] = {task: {} for task in _LABELLED}
    pending: dict[int, dict[str, _Raw]] = {}
    with path.open("rb") as stream:
        reader = make_reader(stream)
        newest = dict.fromkeys(_result_topics(reader), 0)
        for topic, frame, raw in _messages(reader):
            if topic.endswith("label_info"):
                names = {entry.class_id: entry.class_name for entry in _decode(raw).class_map}
                labels |= dict.fromkeys(_labelled_tasks(topic, labels), names)
            if not frame or topic not in (*_READERS, *IMAGE_TOPICS.values()):
                continue
            pending.setdefault(frame, {})[topic] = raw
            if topic in newest:
                newest[topic] = frame
                # Nodes keep the order of the frames: one that every topic has come to is complete.
                for index in sorted(index for index in pending if index <= min(newest.values())):
                    yield from _close(index, pending.pop(index), labels)
        for index in sorted(pending):
            yield from _close(index, pending[index], labels)


def read_identity(path: Path) -> dict[str, str]:
    """`model`, `engine` and `precision` as the nodes of a results.mcap reported them on /diagnostics.

    Several values, where nodes differ, are joined by commas; "unknown" if none was reported.
    """
    found: dict[str, set[str]] = {name: set() for name in _IDENTITY}
    with path.open("rb") as stream:
        for _, _, raw in _messages(make_reader(stream), [DIAGNOSTICS]):
            for status in _decode(raw).status:
                for entry in status.values:
                    if entry.key in found:
                        found[entry.key].add(entry.value)
    return {name: ", ".join(sorted(values)) or "unknown" for name, values in found.items()}


def read_warnings(path: Path, about: str) -> list[str]:
    """The last warning with these words of each node of a results.mcap, as reported on /diagnostics."""
    found: dict[str, str] = {}
    with path.open("rb") as stream:
        for _, _, raw in _messages(make_reader(stream), [DIAGNOSTICS]):
            for status in _decode(raw).status:
                if about in status.message:
                    found[status.name] = status.message
    return list(found.values())


def _labelled_tasks(topic: str, known: Mapping[str, Mapping[int, str]]) -> tuple[str, ...]:
    """The tasks whose labels are on a topic. `label_info` also has those of classification, unless that has a
    topic of its own."""
    owner = topic.strip("/").rpartition("/")[0]
    if owner in _LABELLED:
        return (owner,)
    return (DETECTION,) if known[CLASSIFICATION] else (DETECTION, CLASSIFICATION)


def _messages(reader: McapReader, topics: list[str] | None = None) -> Iterator[tuple[str, int, _Raw]]:
    """Topic, index of its frame (0 for none) and content of each message, in the order they came.

    Not in the order of their times, which are those of a replayed bag: there a slow result may come after one
    for the next frame.
    """
    for schema, channel, message in reader.iter_messages(topics, log_time_order=False):
        if schema is not None:
            yield channel.topic, message.sequence, _Raw(schema.name, message.data)


def _result_topics(reader: McapReader) -> list[str]:
    """The topics with results, of which there is at least one."""
    summary = reader.get_summary()
    if summary is None or summary.statistics is None:
        return []
    counts = summary.statistics.channel_message_counts
    return [c.topic for c in summary.channels.values() if c.topic in _READERS and counts.get(c.id)]


def _decode(raw: _Raw) -> Any:
    return deserialize_message(raw.cdr, message_class(raw.message_type))


def _close(
    index: int, raw: dict[str, _Raw], labels: Mapping[str, Mapping[int, str]]
) -> Iterator[AnsweredFrame]:
    image_topic = next((topic for topic in IMAGE_TOPICS.values() if topic in raw), None)
    parts: dict[str, dict[str, Any]] = {}
    for topic, message in raw.items():
        if topic in _READERS:
            (task,) = TOPICS[topic.strip("/")].tasks
            parts.setdefault(task, {}).update(_READERS[topic](_decode(message), labels.get(task, {})))
    if image_topic is None or not parts:
        return
    image = _pixels(image_topic, _decode(raw[image_topic]))
    results = {task: _RESULTS[task](**values) for task, values in parts.items() if _is_whole(task, values)}
    yield AnsweredFrame(index, image, Perception(image_size=image.shape[:2], **results), dict(labels))


def _pixels(topic: str, message: Any) -> np.ndarray:
    compressed = topic == IMAGE_TOPICS[COMPRESSED_IMAGE]
    return (codec.decode_compressed if compressed else codec.decode)(message, "rgb8")


def _is_whole(task: str, values: Mapping[str, Any]) -> bool:
    """A run that was stopped may hold a mask without its confidence."""
    return all(part.name in values for part in fields(_RESULTS[task]) if part.default is MISSING)


def _hypotheses(message: Any) -> tuple[np.ndarray, np.ndarray]:
    scores = np.array([result.score for result in message.results], np.float32)
    return np.array([int(result.class_id) for result in message.results], np.int64), scores


def _classification(message: Any, _: _Names) -> dict[str, Any]:
    class_ids, scores = _hypotheses(message)
    return {"class_ids": class_ids, "scores": scores}


def _detection(message: Any, _: _Names) -> dict[str, Any]:
    boxes, class_ids, scores, ids = [], [], [], []
    for detection in message.detections:
        box, best = detection.bbox, detection.results[0].hypothesis
        x, y = box.center.position.x, box.center.position.y
        boxes.append((x - box.size_x / 2, y - box.size_y / 2, x + box.size_x / 2, y + box.size_y / 2))
        class_ids.append(int(best.class_id))
        scores.append(best.score)
        ids.append(detection.id)
    return {
        "boxes": np.array(boxes, np.float32).reshape(-1, 4),
        "class_ids": np.array(class_ids, np.int64),
        "scores": np.array(scores, np.float32),
        "instance_ids": np.array(ids, np.int64) if ids and all(ids) else None,
    }


def _image(field: str, **others: Any) -> Callable[[Any, _Names], dict[str, Any]]:
    return lambda message, _: {field: codec.decode(message, codec.PASSTHROUGH), **others}


def _action(message: Any, names: _Names) -> dict[str, Any]:
    class_ids, scores = _hypotheses(message)
    actions = tuple(names.get(class_id, str(class_id)) for class_id in class_ids.tolist())
    return {"actions": actions, "action_scores": scores if actions else None}


def _collision(message: Any, _: _Names) -> dict[str, Any]:
    scores = _hypotheses(message)[1]
    return {"collision": float(scores[0]) if len(scores) else None}


def _goal_distance(message: Any, _: _Names) -> dict[str, Any]:
    return {"goal_distance": None if math.isnan(message.range) else float(message.range)}


def _path(message: Any, _: _Names) -> dict[str, Any]:
    points = [(each.pose.position.x, each.pose.position.y) for each in message.poses]
    return {"path": np.array(points, np.float32) if points else None}


def _scan(message: Any, _: _Names) -> dict[str, Any]:
    """From right to left; what is free as far as the model sees is infinite."""
    if not message.ranges:
        return {"scan": None, "scan_angles": None}
    ranges = np.array(message.ranges, np.float32)
    angles = message.angle_min + message.angle_increment * np.arange(len(ranges))
    return {"scan": ranges, "scan_angles": angles.astype(np.float32)}


# Full name of a topic → how its messages become fields of its task's result. The nodes of a replay have no
# namespace.
_READERS: Mapping[str, Callable[[Any, _Names], dict[str, Any]]] = {
    "/classification": _classification,
    "/detections": _detection,
    "/segmentation/mask": _image("mask"),
    "/segmentation/confidence": _image("confidence"),
    "/segmentation/instances": _image("instances"),
    "/navigation/action": _action,
    "/navigation/collision": _collision,
    "/navigation/goal_distance": _goal_distance,
    "/navigation/path": _path,
    "/navigation/scan": _scan,
    "/depth": _image("depth", metric=True),
    "/depth/relative": _image("depth", metric=False),
    "/attention/heatmap": _image("heatmap"),
}
_RESULTS: Mapping[str, type] = {
    CLASSIFICATION: Classification,
    DETECTION: Detection,
    SEGMENTATION: Segmentation,
    NAVIGATION: Navigation,
    DEPTH: Depth,
    ATTENTION: Attention,
}
