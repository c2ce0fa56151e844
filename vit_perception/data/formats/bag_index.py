"""Which messages of a bag belong together: an image, and the labels that have its stamp."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rosbags.interfaces import TopicInfo
from rosbags.rosbag2 import Reader

from vit_perception.data.formats.bag_messages import (
    COMPRESSED_IMAGE,
    DETECTIONS,
    IMAGE,
    LABELS,
    decode,
    stamp_ns,
)

SUFFIXES = (".mcap", ".db3")
# The topics with labels, below the namespace of a camera, as our nodes publish them, and their types.
LABEL_TOPICS = {
    "detections": DETECTIONS,
    "segmentation/mask": IMAGE,
    "segmentation/instances": IMAGE,
    "depth": IMAGE,
}
NAME_TOPICS = {"label_info": LABELS, "segmentation/label_info": LABELS}
# Images that our nodes publish beside those.
_OTHER_IMAGES = (
    "segmentation/confidence", "depth/relative", "attention/heatmap", "attention/overlay", "overlay",
)  # fmt: skip
# No message.
NONE = -1


@dataclass
class Camera:
    """The topics of one camera.

    Attributes:
        namespace: of its labels, `/` or `/front/`.
        image: its image topic.
        topics: full name of each topic with labels, by its name in `LABEL_TOPICS`.
        names: class id → name, by name of the topic in `NAME_TOPICS`.
        stamps: (N,) int64 stamps of its labelled images, ascending, in nanoseconds.
        times: when each of their messages was recorded, in nanoseconds, -1 for none; by name of the topic,
            that of the image under `image`.
    """

    namespace: str
    topics: dict[str, str]
    image: str = ""
    names: dict[str, dict[int, str]] = field(default_factory=dict)
    stamps: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    times: dict[str, np.ndarray] = field(default_factory=dict)


def storage(path: Path) -> Path | None:
    """What is to be opened of a bag's folder or file; None: it is not a bag."""
    if path.is_file():
        return path if path.suffix.lower() in SUFFIXES else None
    if (path / "metadata.yaml").is_file():
        return path
    files = [file for file in path.iterdir() if file.suffix.lower() in SUFFIXES] if path.is_dir() else []
    return files[0] if len(files) == 1 else None


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """An open bag.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        with Reader(path) as reader:
            yield reader
    except OSError:
        raise
    except Exception as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> ValueError:
    """The error that says that a bag cannot be read. What rosbags raises for damaged bytes depends on where
    they are."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return ValueError(
        f"{path} cannot be read as a rosbag2 ({reason}): `ros2 bag reindex` or `mcap recover` may mend it"
    )


def find_cameras(path: Path) -> list[Camera]:
    """The cameras of a bag that have labels, with the messages of each labelled image.

    Raises:
        ValueError: the bag cannot be read, or has no image with labels.
    """
    with opened(path) as reader:
        topics = dict(reader.topics)
        cameras = _namespaces(topics)
        images = [name for name, info in topics.items() if _is_camera_image(name, info, cameras)]
        stamps = {name: _stamps(reader, name) for name in images}
        for camera in cameras:
            labels = {name: _stamps(reader, topic) for name, topic in camera.topics.items()}
            _pair(camera, labels, stamps)
            camera.names = {
                name: _read_names(reader, camera.namespace + name)
                for name in NAME_TOPICS
                if camera.namespace + name in topics
            }
    cameras = [camera for camera in cameras if len(camera.stamps)]
    if not cameras:
        raise ValueError(
            f"{path} has no image with labels of the same stamp: it needs a camera's images and, as our "
            f"nodes publish them, {', '.join(LABEL_TOPICS)}; it has {', '.join(sorted(topics)) or 'nothing'}"
        )
    return cameras


def _namespaces(topics: dict[str, TopicInfo]) -> list[Camera]:
    found: dict[str, Camera] = {}
    for topic, info in sorted(topics.items()):
        for name, message_type in LABEL_TOPICS.items():
            if topic.endswith(f"/{name}") and info.msgtype == message_type:
                namespace = topic.removesuffix(name)
                found.setdefault(namespace, Camera(namespace, {})).topics[name] = topic
    return list(found.values())


def _is_camera_image(topic: str, info: TopicInfo, cameras: list[Camera]) -> bool:
    if info.msgtype not in (IMAGE, COMPRESSED_IMAGE):
        return False
    return not any(
        topic == camera.namespace + name for camera in cameras for name in (*LABEL_TOPICS, *_OTHER_IMAGES)
    )


def _stamps(reader: Reader, topic: str) -> np.ndarray:
    """(N, 2) int64 stamp and time of recording of each message, sorted, with one message for each stamp."""
    found = array("q")
    for _, time, data in reader.messages(reader.topics[topic].connections):
        try:
            found.extend((stamp_ns(data[:12]), time))
        except ValueError:
            continue  # a message without a stamp belongs to no image
    pairs = np.array(found, np.int64).reshape(-1, 2)
    return pairs[np.unique(pairs[:, 0], return_index=True)[1]]


def _pair(camera: Camera, labels: dict[str, np.ndarray], images: dict[str, np.ndarray]) -> None:
    """Choose the image topic that shares most stamps with the labels, and fill `stamps` and `times`."""
    labelled = np.unique(np.concatenate([pairs[:, 0] for pairs in labels.values()]))
    common = {topic: np.intersect1d(pairs[:, 0], labelled) for topic, pairs in images.items()}
    if not common:
        return
    # Of several with the same stamps, one in the namespace of the labels.
    camera.image = max(
        sorted(common), key=lambda topic: (len(common[topic]), topic.startswith(camera.namespace + "image"))
    )
    camera.stamps = common[camera.image]
    for name, pairs in {"image": images[camera.image], **labels}.items():
        camera.times[name] = np.full(len(camera.stamps), NONE, np.int64)
        if len(pairs):
            places = np.minimum(np.searchsorted(pairs[:, 0], camera.stamps), len(pairs) - 1)
            there = pairs[places, 0] == camera.stamps
            camera.times[name][there] = pairs[places[there], 1]


def _read_names(reader: Reader, topic: str) -> dict[int, str]:
    """Class id → name, as they were published last."""
    names: dict[int, str] = {}
    for _, _, data in reader.messages(reader.topics[topic].connections):
        names = {int(entry.class_id): entry.class_name for entry in decode(data, LABELS).class_map}
    return names
