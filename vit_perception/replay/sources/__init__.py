"""Where frames come from: a rosbag2, a video, a photograph or a folder of photographs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from vit_perception.replay.sources.beside import Found
    from vit_perception.replay.sources.waiting import Message

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg")
BAG_SUFFIXES = (".mcap", ".db3")

# The frame id of pictures that come without a header.
FRAME_ID = "camera"


class SourceError(ValueError):
    """The input cannot be replayed; the message says why and what to do."""


@dataclass(frozen=True)
class Frame:
    """One image message, ready to publish.

    Attributes:
        name: for people and file names.
        cdr: the serialised message.
        recorded_ns: when the bag recorded it; None for pictures, which have no time of their own.
        beside: what the bag has for it, in the order in which to publish it.
    """

    name: str
    cdr: bytes
    recorded_ns: int | None = None
    beside: tuple[Message, ...] = ()


class Source(Protocol):
    """An iterable of frames, each read when its turn comes. `len()` is an estimate for progress bars.

    Attributes:
        message_type: of every frame's message.
        description: for people.
        skipped: what could not be read, with the reason; filled while iterating.
        beside: what comes with the frames; None of sources that can have nothing.
    """

    message_type: str
    description: str
    skipped: list[str]

    @property
    def beside(self) -> Found | None: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Frame]: ...


def open_source(
    path: str | Path, topic: str | None = None, beside: Mapping[str, str] = MappingProxyType({})
) -> Source:
    """The source for a path.

    Args:
        path: a rosbag2, a video, a photograph or a folder of photographs.
        topic: which images of a bag; needed where it has several topics with colour images.
        beside: topics of a bag, by the nodes' input, in place of those that are found (`beside.py`).

    Raises:
        SourceError: nothing is there, it is empty, of no kind that can be read, or a bag has no
            such topic.
    """
    from vit_perception.replay.sources.bag import BagSource
    from vit_perception.replay.sources.photos import PhotoSource
    from vit_perception.replay.sources.video import VideoSource

    path = Path(path)
    if not path.exists():
        raise SourceError(
            f"{path} does not exist: give a rosbag2, a video, a photograph or a folder of photographs"
        )
    if path.is_dir():
        storage = sorted(file for file in path.iterdir() if file.suffix.lower() in BAG_SUFFIXES)
        if (path / "metadata.yaml").is_file() or storage:
            return BagSource(path, topic, beside)
        _refuse_topics(path, topic, *beside.values())
        return PhotoSource.of_folder(path)
    suffix = path.suffix.lower()
    if suffix in BAG_SUFFIXES:
        return BagSource(path, topic, beside)
    if suffix == ".bag":
        raise SourceError(
            f"{path} is a ROS 1 bag: convert it with `rosbags-convert --src {path} --dst FOLDER` first"
        )
    _refuse_topics(path, topic, *beside.values())
    if suffix in PHOTO_SUFFIXES:
        return PhotoSource([path])
    if suffix in VIDEO_SUFFIXES:
        return VideoSource(path)
    raise SourceError(
        f"{path} is none of the kinds that can be replayed: bags {', '.join(BAG_SUFFIXES)}, "
        f"videos {', '.join(VIDEO_SUFFIXES)}, photographs {', '.join(PHOTO_SUFFIXES)}"
    )


def _refuse_topics(path: Path, *topics: str | None) -> None:
    if named := [topic for topic in topics if topic is not None]:
        raise SourceError(
            f"topics ({', '.join(named)}) can be chosen from a bag only, and {path} is none: leave them out"
        )
