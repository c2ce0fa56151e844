"""Faults of the cameras. Each draws what else it needs."""

from __future__ import annotations

from vit_perception.chaos.cameras import SPOILS
from vit_perception.chaos.images import ENCODINGS, SHAPES
from vit_perception.chaos.scene import COMPILE_SECONDS, Fault, Scene


def _spoilt(name: str) -> Fault:
    def fault(scene: Scene) -> None:
        scene.behave(spoilt=name)

    return fault


def _silent(scene: Scene) -> None:
    scene.behave(hz=0.0)


def _gone(scene: Scene) -> None:
    """One, or all: its publisher goes, and comes back when the cameras behave otherwise."""
    names = scene.cameras.setup.cameras
    scene.behave(absent=scene.pick([*((name,) for name in names), names]))


def _other_shape(scene: Scene) -> None:
    scene.observer.hush(COMPILE_SECONDS)
    scene.behave(shape=scene.pick(SHAPES), encoding=scene.pick(ENCODINGS))


def _other_rate(scene: Scene) -> None:
    scene.behave(hz=float(scene.pick((1.0, 5.0, 60.0, 120.0))))


def _other_qos(scene: Scene) -> None:
    scene.behave(reliable=not scene.cameras.behaviour.reliable)


def _clock(scene: Scene) -> None:
    scene.behave(ahead=float(scene.pick((-1.7e9, -3600.0, -1.0, 1.0, 3600.0))))


def _still_clock(scene: Scene) -> None:
    scene.behave(still=True)


def _frame(scene: Scene) -> None:
    scene.behave(frame=scene.pick(("", "a/b c", "x" * 200, "käfer")))


CAMERA_FAULTS: dict[str, Fault] = {
    **{name: _spoilt(name) for spoils in SPOILS.values() for name in spoils},
    "camera silent": _silent,
    "camera gone": _gone,
    "camera of another shape": _other_shape,
    "camera of another rate": _other_rate,
    "camera of another QoS": _other_qos,
    "camera of a strange frame": _frame,
    "clock that jumps": _clock,
    "clock that stands": _still_clock,
}
