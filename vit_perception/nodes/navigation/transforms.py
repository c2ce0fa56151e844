"""Where frames are in each other over time, as REP 105 chains them: map → odom → base_link. Needs no ROS.

tf2's buffer has much more, and a C++ library behind it that ROS from wheels lacks.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


class FrameError(LookupError):
    """One frame cannot be seen from another; the message names them and says why."""


@dataclass(frozen=True, eq=False)
class Transform:
    """Where a child frame is in its parent: `apply` gives a child's point in the parent's coordinates.

    Attributes:
        translation: (3,) metres, the child's origin.
        rotation: (4,) quaternion x, y, z, w, made a unit.

    Raises:
        ValueError: a number is not finite, or the quaternion is zero.
    """

    translation: np.ndarray = field(default_factory=lambda: np.zeros(3))
    rotation: np.ndarray = field(default_factory=lambda: np.array((0.0, 0.0, 0.0, 1.0)))

    def __post_init__(self) -> None:
        translation, rotation = np.array(self.translation, float), np.array(self.rotation, float)
        length = float(np.linalg.norm(rotation))
        if not (np.isfinite(translation).all() and np.isfinite(length) and length > 1e-6):
            raise ValueError(f"{translation.tolist()}, {rotation.tolist()} is no position and quaternion")
        object.__setattr__(self, "translation", translation)
        object.__setattr__(self, "rotation", rotation / length)

    @classmethod
    def planar(cls, x: float, y: float, yaw: float) -> Transform:
        """On the ground; a positive yaw turns left."""
        return cls(np.array((x, y, 0.0)), np.array((0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2))))

    def apply(self, point: Sequence[float] | np.ndarray) -> np.ndarray:
        """(3,) a point of the child in the parent's coordinates."""
        return self.translation + _rotate(self.rotation, np.asarray(point, float))

    def apply_all(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) points of the child in the parent's coordinates."""
        axes = np.stack([_rotate(self.rotation, axis) for axis in np.eye(3)])
        return np.asarray(self.translation + points @ axes)

    def inverse(self) -> Transform:
        """Where the parent is in the child."""
        back = self.rotation * (-1.0, -1.0, -1.0, 1.0)
        return Transform(-_rotate(back, self.translation), back)

    def __matmul__(self, child: Transform) -> Transform:
        """Where the child of the child is in this parent."""
        return Transform(self.apply(child.translation), _product(self.rotation, child.rotation))

    def towards(self, other: Transform, share: float) -> Transform:
        """Between the two: this one at 0, the other at 1."""
        # A quaternion and its negative are the same turn: take the shorter way.
        nearest = other.rotation if self.rotation @ other.rotation >= 0 else -other.rotation
        return Transform(
            (1 - share) * self.translation + share * other.translation,
            (1 - share) * self.rotation + share * nearest,
        )


class TransformBuffer:
    """Remembers where frames were. Any thread may use it.

    Args:
        seconds: how long it remembers.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._parents: dict[str, str] = {}
        self._fixed: dict[str, Transform] = {}
        # By child: times in order, and where it was.
        self._moves: dict[str, tuple[list[float], list[Transform]]] = {}

    def put(self, parent: str, child: str, seconds: float | None, transform: Transform) -> None:
        """Remember where `child` is in `parent` at a time; None: always.

        Raises:
            ValueError: the two are one frame.
        """
        parent, child = plain(parent), plain(child)
        if parent == child:
            raise ValueError(f"{child} cannot be a frame within itself")
        with self._lock:
            if self._parents.get(child) != parent:
                self._parents[child] = parent
                self._fixed.pop(child, None)
                self._moves.pop(child, None)
            if seconds is None:
                self._fixed[child] = transform
                return
            times, places = self._moves.setdefault(child, ([], []))
            if times and seconds < times[-1] - self._seconds:  # time went back
                times.clear()
                places.clear()
            at = bisect.bisect_right(times, seconds)
            times.insert(at, seconds)
            places.insert(at, transform)
            forgotten = bisect.bisect_left(times, times[-1] - self._seconds)
            del times[:forgotten], places[:forgotten]

    def forget_after(self, seconds: float) -> None:
        """Forget what is later: time went back there. What is fixed stays."""
        with self._lock:
            for times, places in self._moves.values():
                at = bisect.bisect_right(times, seconds)
                del times[at:], places[at:]

    def lookup(self, target: str, source: str, seconds: float, max_age: float) -> Transform:
        """Where `source` is in `target` at a time.

        Args:
            max_age: seconds that the nearest known place of a frame may be apart from that time.

        Raises:
            FrameError: the frames are not connected, or a place is too old.
        """
        target, source = plain(target), plain(source)
        with self._lock:
            up, down = self._ancestors(source), self._ancestors(target)
            shared = next((frame for frame in up if frame in down), None)
            if shared is None:
                raise FrameError(f"no transform connects {source} with {target}")
            from_source = self._climb(up[: up.index(shared)], seconds, max_age)
            from_target = self._climb(down[: down.index(shared)], seconds, max_age)
        return from_target.inverse() @ from_source

    def is_within(self, frame: str, ancestor: str) -> bool:
        """Whether `frame` is `ancestor`, or moves with it."""
        with self._lock:
            return plain(ancestor) in self._ancestors(plain(frame))

    def _ancestors(self, frame: str) -> list[str]:
        """The frame, its parent, and so on."""
        found = [frame]
        while (parent := self._parents.get(found[-1])) is not None and parent not in found:
            found.append(parent)
        return found

    def _climb(self, frames: Sequence[str], seconds: float, max_age: float) -> Transform:
        """Where the first frame is in the parent of the last."""
        found = Transform()
        for child in frames:
            found = self._at(child, seconds, max_age) @ found
        return found

    def _at(self, child: str, seconds: float, max_age: float) -> Transform:
        if child in self._fixed:
            return self._fixed[child]
        times, places = self._moves[child]
        at = bisect.bisect_left(times, seconds)
        near = [place for place in (at - 1, at) if 0 <= place < len(times)]
        apart = min((abs(times[place] - seconds) for place in near), default=float("inf"))
        if apart > max_age:
            when = f"{apart:.1f} s away from the frame's time" if near else "not known any more"
            raise FrameError(f"where {child} is in {self._parents[child]} is {when}")
        if len(near) == 1 or times[near[1]] - times[near[0]] > 2 * max_age:  # a gap is not bridged
            return places[min(near, key=lambda place: abs(times[place] - seconds))]
        before, after = near
        share = (seconds - times[before]) / (times[after] - times[before])
        return places[before].towards(places[after], share)


def plain(frame: str) -> str:
    """The name of a frame without the slash that ROS 1 put before it."""
    return frame.removeprefix("/")


def _product(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(4,) the turn `other`, then the turn `one`."""
    vector = one[3] * other[:3] + other[3] * one[:3] + np.cross(one[:3], other[:3])
    return np.array((*vector, one[3] * other[3] - one[:3] @ other[:3]))


def _rotate(rotation: np.ndarray, point: np.ndarray) -> np.ndarray:
    twice = 2.0 * np.cross(rotation[:3], point)
    return point + rotation[3] * twice + np.cross(rotation[:3], twice)
