"""Which messages of a bag go with which frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.replay.cdr import stamps_ns
from vit_perception.replay.sources.beside import CAMERA_INFO, DEPTH_INPUTS, GOAL, ODOM, TRANSFORMS

# What a frame takes in the order of recording, and what it takes one of, also one that another has taken.
_TOLD, _NEAREST = (GOAL, *TRANSFORMS), (CAMERA_INFO, *DEPTH_INPUTS)
# What goes on with time, as a robot does.
MOVES = (ODOM, *_TOLD)


@dataclass(frozen=True)
class Message:
    """A message that goes with a frame.

    Attributes:
        name: of the nodes' input, as in `Found.topics`.
        cdr: the serialised message.
    """

    name: str
    cdr: bytes


class Waiting:
    """The messages of a bag that wait for the frame they belong to."""

    def __init__(self) -> None:
        # By time in nanoseconds: that of the recording of what is told, and the stamp of all else.
        self._waiting: dict[str, deque[tuple[int, bytes]]] = {
            name: deque() for name in (ODOM, *_TOLD, *_NEAREST)
        }

    def put(self, name: str, cdr: bytes, recorded_ns: int) -> None:
        """Keep a message.

        Raises:
            ValueError: it is none of the input's type.
        """
        stamps = stamps_ns(cdr, TOPICS[name].message_type)
        self._waiting[name].append((recorded_ns if name in _TOLD else stamps[0], cdr))

    def of_frame(self, stamp: int, recorded_ns: int) -> tuple[Message, ...]:
        """What goes with the frame of this stamp, which was recorded then, both in nanoseconds.

        That is the odometry until its stamp, goals and transforms until its recording, each as much as the
        nodes keep, which goes with no later frame; and `camera_info` and depth nearest to its stamp, however
        far apart.
        """
        kept = {
            ODOM: self._until(ODOM, stamp),
            **{name: self._until(name, recorded_ns) for name in _TOLD},
            **{name: self._nearest(name, stamp) for name in _NEAREST},
        }
        return tuple(Message(name, cdr) for name, messages in kept.items() for cdr in messages)

    def _until(self, name: str, when: int) -> Iterable[bytes]:
        waiting, found = self._waiting[name], deque[bytes](maxlen=TOPICS[name].qos.depth)
        while waiting and waiting[0][0] <= when:
            found.append(waiting.popleft()[1])
        return found

    def _nearest(self, name: str, stamp: int) -> Iterable[bytes]:
        waiting = self._waiting[name]
        while len(waiting) > 1 and abs(waiting[1][0] - stamp) <= abs(waiting[0][0] - stamp):
            waiting.popleft()
        return [cdr for _, cdr in list(waiting)[:1]]
