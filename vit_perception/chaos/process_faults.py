"""Faults of the suite's process: signals, transitions, few cores, a full disk, a start with other cameras."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from vit_perception.chaos.full_disk import on_full_disk
from vit_perception.chaos.scene import (
    COMPILE_SECONDS,
    START_SECONDS,
    TRANSITION_SECONDS,
    Fault,
    Scene,
)
from vit_perception.chaos.setup import ONE, SEVERAL, TRANSPORTS, Setup
from vit_perception.chaos.suite import Start
from vit_perception.runtime.engines.cache import CACHE_VARIABLE

_BUSY = "import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"


def _transition(scene: Scene) -> None:
    """Any, most of which do not apply; not those that end the node for good."""
    scene.observer.hush(TRANSITION_SECONDS)
    scene.suite.change_state(int(scene.pick((0, 1, 2, 3, 4, 99, 255))))


def _paused(scene: Scene) -> None:
    seconds = float(scene.rng.uniform(0.3, 3.0))
    scene.observer.hush(seconds + COMPILE_SECONDS)
    os.kill(scene.suite.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(scene.suite.pid, signal.SIGCONT)


def _ended(scene: Scene) -> None:
    """The next process may find a cache that cannot be written."""
    broken = {CACHE_VARIABLE: "/dev/null/cache"} if scene.rng.random() < 0.3 else {}
    _restart(scene, Start(environment=broken))


def _full_disk(scene: Scene) -> None:
    """The next process has its cache and its log where nothing can be written any more."""
    _restart(scene, on_full_disk(scene.suite.folder))


def _other_cameras(scene: Scene) -> None:
    """The next process subscribes to others, or in another way."""
    setups = [Setup(transport, names) for transport in TRANSPORTS for names in (ONE, SEVERAL)]
    setup = scene.pick([each for each in setups if each != scene.suite.setup])
    scene.suite.setup = setup
    _restart(scene, Start())
    scene.cameras.setup = setup
    scene.behave()


def _restart(scene: Scene, start: Start) -> None:
    kind = scene.pick((signal.SIGINT, signal.SIGTERM))
    scene.observer.hush(START_SECONDS)
    if problem := scene.suite.end(kind):
        scene.observer.problems[problem] += 1
    scene.suite.start(start)


def _starved(scene: Scene) -> None:
    """One core, and another process that wants it."""
    seconds = float(scene.rng.uniform(1.0, 4.0))
    scene.observer.hush(seconds + COMPILE_SECONDS)
    allowed = os.sched_getaffinity(0)
    core = {min(allowed)}
    for thread in os.listdir(f"/proc/{scene.suite.pid}/task"):
        os.sched_setaffinity(int(thread), core)
    busy = subprocess.Popen([sys.executable, "-c", _BUSY.format(seconds=seconds)])
    os.sched_setaffinity(busy.pid, core)
    busy.wait()
    for thread in os.listdir(f"/proc/{scene.suite.pid}/task"):
        os.sched_setaffinity(int(thread), allowed)


FULL_DISK, OTHER_CAMERAS = "disk full", "other cameras"
PROCESS_FAULTS: dict[str, Fault] = {
    "transition": _transition,
    "process paused": _paused,
    "process ended and started": _ended,
    FULL_DISK: _full_disk,
    OTHER_CAMERAS: _other_cameras,
    "cores starved": _starved,
}
