"""A bag laid out as by `ros2 bag record -s mcap`: ROS and Foxglove open the file, ROS the folder too.

Written with the mcap library: rosbags' own writer would lose publish times, sequence numbers and, after an
error, the index, and it chooses folder and file name.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from mcap.writer import Writer

from vit_perception.nodes.outputs.topics import Qos
from vit_perception.replay.definitions import definition
from vit_perception.replay.disk import DiskFull, names_a_full_disk
from vit_perception.runtime.whole_file import write_whole

# The newest layout whose QoS every rosbag2 from Humble on understands (policies as numbers).
_BAG_VERSION = 8
# What makes a folder a bag.
METADATA = "metadata.yaml"
# Room on the disk is taken in these steps, and by no more than a step too much.
_STEP = 1 << 20
# Messages are written in chunks of this size, in bytes before compression.
_CHUNK = 1 << 20
# The most that the index of a chunk and the end of a file take, beside what grows with the messages: a
# thousandth of these, as a chunk has less than 1000 bytes in the index at the end.
_END = 1 << 20


class _PlainDumper(yaml.SafeDumper):
    """YAML without aliases (`*id001`), which are legal, but which nobody expects in a bag."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _yaml(value: object) -> str:
    return yaml.dump(value, Dumper=_PlainDumper, sort_keys=False)


def _qos_yaml(qos: Qos) -> str:
    """One profile in rosbag2's YAML, policies as rmw numbers them. Zero durations mean `not given`."""
    unspecified = {"sec": 0, "nsec": 0}
    profile = {
        "history": 1,  # keep last
        "depth": qos.depth,
        "reliability": 1 if qos.reliable else 2,
        "durability": 1 if qos.transient_local else 2,
        "deadline": unspecified,
        "lifespan": unspecified,
        "liveliness": 0,  # system default
        "liveliness_lease_duration": unspecified,
        "avoid_ros_namespace_conventions": False,
    }
    return _yaml([profile])


@dataclass
class _Channel:
    id: int
    message_type: str
    qos: str
    type_hash: str
    count: int = 0


class Recorder:
    """Writes serialised messages to a file; on closing, a metadata.yaml beside it makes the folder a bag.

    A context manager: leaving it, also by an error, completes the file. The room that this takes is
    allocated before it is needed, so that a file is completed on a full disk, too.

    Args:
        path: of the file, in a folder that exists.

    Raises:
        DiskFull: there is no room for an empty file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = path.open("wb")
        self._writer = Writer(self._stream, chunk_size=_CHUNK)
        self._writer.start(profile="ros2", library="vit_perception")
        self._schemas: dict[str, tuple[int, str]] = {}
        self._channels: dict[str, _Channel] = {}
        self._first_ns: int | None = None
        self._last_ns = 0
        self._message_bytes = 0
        self._allocated = 0
        try:
            self.make_room(b"")
        except DiskFull:
            self._stream.close()
            path.unlink()
            raise

    def add_topic(self, topic: str, message_type: str, qos: Qos) -> None:
        """Declare a topic before its first message; a second time does nothing.

        Args:
            topic: its full name.
            message_type: `package/msg/Name`.
            qos: that a player has to offer again.

        Raises:
            FileNotFoundError: the package of the message is not installed.
        """
        if topic in self._channels:
            return
        if message_type not in self._schemas:
            text, type_hash = definition(message_type)
            schema = self._writer.register_schema(message_type, "ros2msg", text.encode())
            self._schemas[message_type] = schema, type_hash
        schema, type_hash = self._schemas[message_type]
        profile = _qos_yaml(qos)
        extra = {"offered_qos_profiles": profile, "topic_type_hash": type_hash}
        channel = self._writer.register_channel(topic, "cdr", schema, extra)
        self._channels[topic] = _Channel(channel, message_type, profile, type_hash)

    def make_room(self, cdr: bytes) -> None:
        """Allocate the room for one more message, and for all that completes the file after it.

        Raises:
            DiskFull: there is none; what was written stays, and is completed on closing.
        """
        end = self._stream.tell() + _CHUNK + _END + len(cdr) + (self._message_bytes + len(cdr)) // 1000
        if end > self._allocated:
            end = -(-end // _STEP) * _STEP
            with names_a_full_disk(self.path):
                os.posix_fallocate(self._stream.fileno(), 0, end)
            self._allocated = end

    def write(self, topic: str, cdr: bytes, *, log_ns: int, publish_ns: int, frame: int = 0) -> None:
        """Add a message.

        Args:
            topic: that was added before.
            cdr: the serialised message.
            log_ns: when it was received, in nanoseconds.
            publish_ns: when it was published.
            frame: the index, from 1, of the frame that it is about, 0 for none; mcap's sequence number.

        Raises:
            DiskFull: as `make_room`.
        """
        self.make_room(cdr)
        self._message_bytes += len(cdr)
        channel = self._channels[topic]
        self._writer.add_message(channel.id, log_ns, cdr, publish_ns, frame)
        channel.count += 1
        self._first_ns = log_ns if self._first_ns is None else min(self._first_ns, log_ns)
        self._last_ns = max(self._last_ns, log_ns)

    def close(self) -> None:
        """Write the metadata and the index; a second call does nothing."""
        if self._stream.closed:
            return
        information = self._information()
        self._writer.add_metadata("rosbag2", {"serialized_metadata": _yaml(information)})
        self._writer.finish()
        self._stream.truncate()
        self._stream.close()
        text = _yaml({"rosbag2_bagfile_information": information})
        metadata = self.path.parent / METADATA
        with names_a_full_disk(metadata):
            write_whole(metadata, text.encode())

    def _information(self) -> dict[str, Any]:
        start = self._first_ns or 0
        span = {
            "starting_time": {"nanoseconds_since_epoch": start},
            "duration": {"nanoseconds": max(0, self._last_ns - start)},
            "message_count": sum(channel.count for channel in self._channels.values()),
        }
        return {
            "version": _BAG_VERSION,
            "storage_identifier": "mcap",
            **span,
            "topics_with_message_count": [
                {
                    "topic_metadata": {
                        "name": topic,
                        "type": channel.message_type,
                        "serialization_format": "cdr",
                        "offered_qos_profiles": channel.qos,
                        "type_description_hash": channel.type_hash,
                    },
                    "message_count": channel.count,
                }
                for topic, channel in self._channels.items()
            ],
            "compression_format": "",
            "compression_mode": "",
            "relative_file_paths": [self.path.name],
            "files": [{"path": self.path.name, **span}],
            "custom_data": {},
            "ros_distro": os.environ.get("ROS_DISTRO", "jazzy"),
        }

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
