"""Every fault that may happen to the suite. Each has a name, and draws what else it needs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue

from vit_perception.chaos.camera import Behaviour, Camera
from vit_perception.chaos.images import ENCODINGS, HOSTILE, SHAPES
from vit_perception.chaos.observer import Observer
from vit_perception.chaos.suite import TO_ACTIVE, Suite

# Seconds in which a process starts, or a transition loads a model.
_START_SECONDS, _TRANSITION_SECONDS = 60.0, 30.0
# What a frame of a new size may take until it is answered: its network is compiled.
_COMPILE_SECONDS = 30.0
_BUSY = "import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"

_GOOD_VALUES: dict[str, tuple[Any, ...]] = {
    "detection.threshold": (0.0, 0.05, 0.3, 1.0),
    "classification.threshold": (0.0, 0.5, 1.0),
    "max_rate": (0.0, 3.0, 10.0),
    "max_latency_ms": (0.0, 30.0, 200.0),
    "input_scale": (0.5, 1.0, 1.5),
    "map_scale": (0.1, 0.5, 1.0),
    "min_rate": (0.0, 5.0),
    "max_age_ms": (0.0, 100.0),
    "max_megapixels": (50.0, 1.0),
    "overlay": (True, False),
}
_BAD_VALUES: dict[str, tuple[Any, ...]] = {
    "detection.threshold": (3.0, -1.0, "much", float("nan")),
    "input_scale": (99.0, 0.0, float("inf")),
    "map_scale": (7.0,),
    "max_rate": (-5.0, "fast"),
    "enabled_tasks": (["flying"], 5),
    "overlay": ("maybe",),
    "model": ("no_such_model",),
    "no.such.parameter": (1,),
}
DEFAULTS = {
    "detection.threshold": 0.3,
    "classification.threshold": 0.5,
    "max_rate": 0.0,
    "max_latency_ms": 0.0,
    "input_scale": 1.0,
    "map_scale": 1.0,
    "min_rate": 0.0,
    "max_age_ms": 0.0,
    "max_megapixels": 50.0,
    "overlay": False,
}


@dataclass
class Scene:
    """What faults act on.

    Attributes:
        camera: that sends frames.
        suite: that answers them.
        observer: that judges the answers.
        rng: draws.
    """

    camera: Camera
    suite: Suite
    observer: Observer
    rng: np.random.Generator

    def behave(self, **changes: Any) -> None:
        """Change how the camera behaves from now on; what it did before is over."""
        self.camera.good_since = None
        self.camera.behaviour = Behaviour(**changes)

    def pick(self, values: Any) -> Any:
        """One of them."""
        return values[int(self.rng.integers(len(values)))]


Fault = Callable[[Scene], None]


def _spoilt(name: str) -> Fault:
    def fault(scene: Scene) -> None:
        scene.behave(spoilt=name)

    return fault


def _silent(scene: Scene) -> None:
    scene.behave(hz=0.0)


def _other_shape(scene: Scene) -> None:
    scene.observer.hush(_COMPILE_SECONDS)
    scene.behave(shape=scene.pick(SHAPES), encoding=scene.pick(ENCODINGS))


def _other_rate(scene: Scene) -> None:
    scene.behave(hz=float(scene.pick((1.0, 5.0, 60.0, 120.0))))


def _other_qos(scene: Scene) -> None:
    scene.behave(reliable=not scene.camera.behaviour.reliable)


def _clock(scene: Scene) -> None:
    scene.behave(ahead=float(scene.pick((-1.7e9, -3600.0, -1.0, 1.0, 3600.0))))


def _still_clock(scene: Scene) -> None:
    scene.behave(still=True)


def _frame(scene: Scene) -> None:
    scene.behave(frame=scene.pick(("", "a/b c", "x" * 200, "käfer")))


def _good_parameter(scene: Scene) -> None:
    name = scene.pick(list(_GOOD_VALUES))
    value = scene.pick(_GOOD_VALUES[name])
    scene.observer.hush(_COMPILE_SECONDS)
    if scene.suite.set_parameters({name: value}) is False:
        scene.observer.problems[f"a good value of {name} was refused"] += 1


def _bad_parameter(scene: Scene) -> None:
    name = scene.pick(list(_BAD_VALUES))
    value = scene.pick(_BAD_VALUES[name])
    if scene.suite.set_parameters({name: value}):
        scene.observer.problems[f"a bad value of {name} was accepted"] += 1


def _broken_parameter(scene: Scene) -> None:
    message = ParameterMessage(name="detection.threshold", value=ParameterValue(type=255))
    if scene.suite.set_messages([message]):
        scene.observer.problems["a parameter of type 255 was accepted"] += 1


def _many_parameters(scene: Scene) -> None:
    for _ in range(20):
        scene.suite.set_parameters({"detection.threshold": float(scene.rng.random())})


def _transition(scene: Scene) -> None:
    """Any, most of which do not apply; not those that end the node for good."""
    scene.observer.hush(_TRANSITION_SECONDS)
    scene.suite.change_state(int(scene.pick((0, 1, 2, 3, 4, 99, 255))))


def _paused(scene: Scene) -> None:
    seconds = float(scene.rng.uniform(0.3, 3.0))
    scene.observer.hush(seconds + _COMPILE_SECONDS)
    os.kill(scene.suite.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(scene.suite.pid, signal.SIGCONT)


def _ended(scene: Scene) -> None:
    """The next process may find a cache that cannot be written."""
    kind = scene.pick((signal.SIGINT, signal.SIGTERM))
    scene.observer.hush(_START_SECONDS)
    if problem := scene.suite.end(kind):
        scene.observer.problems[problem] += 1
    broken = {"VIT_PERCEPTION_CACHE": "/dev/null/cache"} if scene.rng.random() < 0.3 else {}
    scene.suite.start(broken)


def _starved(scene: Scene) -> None:
    """One core, and another process that wants it."""
    seconds = float(scene.rng.uniform(1.0, 4.0))
    scene.observer.hush(seconds + _COMPILE_SECONDS)
    allowed = os.sched_getaffinity(0)
    core = {min(allowed)}
    for thread in os.listdir(f"/proc/{scene.suite.pid}/task"):
        os.sched_setaffinity(int(thread), core)
    busy = subprocess.Popen([sys.executable, "-c", _BUSY.format(seconds=seconds)])
    os.sched_setaffinity(busy.pid, core)
    busy.wait()
    for thread in os.listdir(f"/proc/{scene.suite.pid}/task"):
        os.sched_setaffinity(int(thread), allowed)


def restore(scene: Scene) -> None:
    """A good camera, default parameters, an active node."""
    scene.observer.hush(_START_SECONDS)
    scene.behave()
    for transition in TO_ACTIVE:
        scene.suite.change_state(transition)
    scene.suite.set_parameters(DEFAULTS)


FAULTS: dict[str, Fault] = {
    **{name: _spoilt(name) for name in HOSTILE},
    "camera silent": _silent,
    "camera of another shape": _other_shape,
    "camera of another rate": _other_rate,
    "camera of another QoS": _other_qos,
    "camera of a strange frame": _frame,
    "clock that jumps": _clock,
    "clock that stands": _still_clock,
    "good parameter": _good_parameter,
    "bad parameter": _bad_parameter,
    "parameter of a broken type": _broken_parameter,
    "twenty parameters at once": _many_parameters,
    "transition": _transition,
    "process paused": _paused,
    "process ended and started": _ended,
    "cores starved": _starved,
    "everything restored": restore,
}
