"""The images of one topic of a rosbag2, mcap or sqlite3, as they were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rosbags.interfaces import TopicInfo
from rosbags.rosbag2 import Reader, ReaderError

from vit_perception.replay.cdr import COMPRESSED_IMAGE, IMAGE, stamp_ns
from vit_perception.replay.sources import BAG_SUFFIXES, Frame, SourceError


class BagSource:
    """The image messages of one topic of a bag, byte for byte.

    Args:
        path: the bag's folder or file.
        topic: where it has several image topics, the one to play.

    Raises:
        SourceError: the bag is broken, has no such topic, or has several and none was chosen.
    """

    def __init__(self, path: Path, topic: str | None = None) -> None:
        self._path = _storage(path)
        self.skipped: list[str] = []
        try:
            with Reader(self._path) as reader:
                topics = dict(reader.topics)
        except (ReaderError, OSError, AssertionError) as error:
            raise SourceError(
                f"{path} cannot be read as a rosbag2 ({error}): "
                "`ros2 bag reindex` or `mcap recover` may mend it"
            ) from error
        self.topic = _choose(topics, topic, path)
        self.message_type = str(topics[self.topic].msgtype)
        self._length = topics[self.topic].msgcount
        if not self._length:
            raise SourceError(f"{self.topic} in {path} has no messages: choose another topic with --topic")
        self.description = f"{self.topic} of bag {path}"

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Frame]:
        self.skipped.clear()
        with Reader(self._path) as reader:
            connections = reader.topics[self.topic].connections
            for index, (_, recorded_ns, data) in enumerate(reader.messages(connections), start=1):
                cdr = bytes(data)
                try:
                    stamp_ns(cdr)
                except ValueError as error:
                    self.skipped.append(f"message {index} of {self.topic}: {error}")
                    continue
                yield Frame(f"{index:06d}", cdr, recorded_ns)


def _storage(path: Path) -> Path:
    """What to open: the file itself if the recording ended before metadata.yaml was written."""
    if path.is_dir() and not (path / "metadata.yaml").is_file():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in BAG_SUFFIXES)
        if len(files) > 1:
            raise SourceError(
                f"{path} has {len(files)} bag files and no metadata.yaml: run `ros2 bag reindex {path}`"
            )
        return files[0]
    return path


def _choose(recorded: dict[str, TopicInfo], topic: str | None, path: Path) -> str:
    """The topic to play, of all that were recorded."""
    topics = {name: info for name, info in recorded.items() if info.msgtype in (IMAGE, COMPRESSED_IMAGE)}
    if not topics:
        raise SourceError(
            f"{path} has no topic of type {IMAGE} or {COMPRESSED_IMAGE}, only "
            f"{_listed(recorded) or 'nothing at all'}: record your camera's topic"
        )
    listed = _listed(topics)
    if topic is not None:
        wanted = "/" + topic.lstrip("/")
        if wanted not in topics:
            raise SourceError(f"{path} has no image topic {wanted}: choose one of {listed}")
        return wanted
    if len(topics) > 1:
        raise SourceError(f"{path} has several image topics, choose one with --topic: {listed}")
    return next(iter(topics))


def _listed(topics: dict[str, TopicInfo]) -> str:
    return ", ".join(
        f"{name} ({info.msgcount} {str(info.msgtype).split('/')[-1]})" for name, info in topics.items()
    )
