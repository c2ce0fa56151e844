"""The images of one topic of a rosbag2, without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vit_perception.data.formats.bag_index import opened, storage
from vit_perception.data.formats.bag_messages import COMPRESSED_IMAGE, IMAGE, colours, decode
from vit_perception.data.labelling.real_labels import NO_LABELS
from vit_perception.data.labelling.sources import Done, Item


class BagSource:
    """Every `every`-th image of a topic, named after the topic and its place there.

    Args:
        path: of the bag's folder or file.
        topic: where it has several image topics, the one to take; None: its only one.
        every: 1 or more.

    Raises:
        ValueError: the bag cannot be read, has no such topic, or has several and none was chosen.
    """

    real = NO_LABELS

    def __init__(self, path: Path, topic: str | None, every: int) -> None:
        self._path = storage(path) or path
        self._every = every
        with opened(self._path) as reader:
            recorded = dict(reader.topics)
        images = {
            name: info.msgcount
            for name, info in recorded.items()
            if info.msgtype in (IMAGE, COMPRESSED_IMAGE)
        }
        wanted = [name for name in images if topic is None or name == "/" + topic.lstrip("/")]
        if len(wanted) != 1:
            found = ", ".join(sorted(images)) or "no images"
            what = f"no image topic {topic}" if topic else "not exactly one image topic"
            raise ValueError(f"{path} has {what}: it has {found}; choose one with --topic")
        self._topic = wanted[0]
        self._length = images[self._topic]

    def __len__(self) -> int:
        return -(-self._length // self._every)

    def items(self, done: Done) -> Iterator[Item]:
        with opened(self._path) as reader:
            connections = reader.topics[self._topic].connections
            for place, (connection, _, data) in enumerate(reader.messages(connections)):
                name = f"{self._topic.strip('/')}/{place:06d}"
                if place % self._every or name in done:
                    continue
                try:
                    picture = colours(decode(data, connection.msgtype), connection.msgtype)
                except ValueError as error:
                    yield Item(name, Path(name), fault=str(error))
                else:
                    yield Item(name, picture)
