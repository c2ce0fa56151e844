"""The images of one topic of a rosbag2, mcap or sqlite3, and what goes with them, as they were recorded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from rosbags.interfaces import TopicInfo
from rosbags.rosbag2 import Reader, ReaderError

from vit_perception.nodes.camera_names import is_compressed_depth
from vit_perception.replay.cdr import COMPRESSED_IMAGE, IMAGE, encoding, stamp_ns
from vit_perception.replay.sources import BAG_SUFFIXES, Frame, SourceError
from vit_perception.replay.sources.beside import DEPTH_ENCODINGS, find_beside
from vit_perception.replay.sources.waiting import Waiting

# What is recorded so much later than a frame still goes with it. What comes later than that came too late on
# the robot, too.
_LATE_NS = 100_000_000


class BagSource:
    """The image messages of one topic of a bag, byte for byte.

    Args:
        path: the bag's folder or file.
        topic: where it has several topics with colour images, the one to play.
        beside: topics with what goes with them, by the nodes' input; others are looked for.

    Raises:
        SourceError: the bag is broken, has no such topic, or has several and none was chosen.
    """

    def __init__(
        self, path: Path, topic: str | None = None, beside: Mapping[str, str] = MappingProxyType({})
    ) -> None:
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
        is_depth = cache(self._is_depth)
        self.topic = _choose(topics, topic, path, is_depth)
        self.message_type = str(topics[self.topic].msgtype)
        self._length = topics[self.topic].msgcount
        if not self._length:
            raise SourceError(f"{self.topic} in {path} has no messages: choose another topic with --topic")
        filled = {name: info for name, info in topics.items() if info.msgcount}
        self.beside = find_beside(filled, self.topic, beside, is_depth)
        found = [f"{name} from {where}" for name, where in self.beside.topics.items()]
        self.description = f"{self.topic} of bag {path}{', with ' if found else ''}{', '.join(found)}"

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Frame]:
        self.skipped.clear()
        names = {topic: name for name, topic in self.beside.topics.items()}
        waiting, images = Waiting(), deque[Frame]()
        index = 0
        with Reader(self._path) as reader:
            connections = [each for each in reader.connections if each.topic in (self.topic, *names)]
            for connection, recorded_ns, data in reader.messages(connections):
                while images and recorded_ns > (images[0].recorded_ns or 0) + _LATE_NS:
                    yield _with(waiting, images.popleft())
                cdr, topic = bytes(data), connection.topic
                index += topic == self.topic
                try:
                    if topic == self.topic:
                        stamp_ns(cdr)
                        images.append(Frame(f"{index:06d}", cdr, recorded_ns))
                    else:
                        waiting.put(names[topic], cdr, recorded_ns)
                except ValueError as error:
                    which = f"message {index}" if topic == self.topic else f"a message after image {index}"
                    self.skipped.append(f"{which} of {topic}: {error}")
        while images:
            yield _with(waiting, images.popleft())

    def _is_depth(self, topic: str) -> bool:
        """Whether the first image of a topic of images is depth."""
        with Reader(self._path) as reader:
            _, _, data = next(iter(reader.messages(reader.topics[topic].connections)))
        try:
            return encoding(bytes(data)) in DEPTH_ENCODINGS
        except ValueError:
            return False


def _with(waiting: Waiting, frame: Frame) -> Frame:
    return replace(frame, beside=waiting.of_frame(stamp_ns(frame.cdr), frame.recorded_ns or 0))


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


def _choose(
    recorded: dict[str, TopicInfo], topic: str | None, path: Path, is_depth: Callable[[str], bool]
) -> str:
    """The topic to play, of all that were recorded."""
    topics = {
        name: info
        for name, info in recorded.items()
        if info.msgtype in (IMAGE, COMPRESSED_IMAGE) and not is_compressed_depth(name)
    }
    if not topics:
        raise SourceError(
            f"{path} has no topic of type {IMAGE} or {COMPRESSED_IMAGE}, only "
            f"{_listed(recorded) or 'nothing at all'}: record your camera's topic"
        )
    if topic is not None:
        wanted = "/" + topic.lstrip("/")
        if wanted not in topics:
            raise SourceError(f"{path} has no image topic {wanted}: choose one of {_listed(topics)}")
        return wanted
    if len(topics) > 1:
        colour = {
            name: info
            for name, info in topics.items()
            if info.msgcount and not (info.msgtype == IMAGE and is_depth(name))
        }
        topics = colour or topics
    if len(topics) > 1:
        raise SourceError(f"{path} has several image topics, choose one with --topic: {_listed(topics)}")
    return next(iter(topics))


def _listed(topics: dict[str, TopicInfo]) -> str:
    return ", ".join(
        f"{name} ({info.msgcount} {str(info.msgtype).split('/')[-1]})" for name, info in topics.items()
    )
