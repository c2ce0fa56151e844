"""The run: faults drawn by a seed, one after the other, for so long; then the suite has to answer again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vit_perception.cards.card import load_card
from vit_perception.chaos.cameras import Cameras
from vit_perception.chaos.faults import FAULTS, draw, impossible, restore
from vit_perception.chaos.observer import Observer
from vit_perception.chaos.scene import Scene
from vit_perception.chaos.suite import Suite
from vit_perception.replay.processes import free_domain, isolated

_NAMESPACE = "/chaos"
_READY_SECONDS = 120.0
# Seconds between faults: often too short to recover in.
_PAUSES = (0.2, 4.0)
_MINUTE = 60.0
# Memory may settle within the first two thirds of a run; what it gains later is a leak.
_LEAK_MB, _FEWEST_MINUTES = 64.0, 6


@dataclass
class Outcome:
    """What happened.

    Attributes:
        seed: of the draws.
        seconds: how long faults were drawn.
        faults: name → how often.
        impossible: faults that cannot happen here, name → why.
        problems: sentence → how often; empty if the suite survived.
        good_frames: sent frames that can be answered.
        bad_frames: sent frames that cannot.
        answered: good frames with an answer.
        frames: what became of the frames that the suite received, by its own count.
        levels: reports of the suite by level.
        starts: processes that ran one after the other.
        memory_mb: greatest resident memory in each minute, 10^6 bytes.
    """

    seed: int
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    impossible: Mapping[str, str] = field(default_factory=dict)
    problems: Counter[str] = field(default_factory=Counter)
    good_frames: int = 0
    bad_frames: int = 0
    answered: int = 0
    frames: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)
    starts: int = 0
    memory_mb: list[float] = field(default_factory=list)


def run_chaos(
    seconds: float,
    seed: int,
    folder: Path,
    model: Path,
    memory_mb: float,
    report: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Run the suite among faults.

    Args:
        seconds: for how long faults are drawn.
        seed: of the draws. What happens between them depends on the machine.
        folder: gets `suite.log`.
        model: its folder.
        memory_mb: most resident memory, 10^6 bytes.
        report: called with a line for each fault.

    Raises:
        TimeoutError: the suite does not answer before there is any fault.
    """
    folder.mkdir(parents=True, exist_ok=True)
    outcome = Outcome(seed, impossible=impossible(load_card(model), folder))
    log = folder / "suite.log"
    log.unlink(missing_ok=True)
    with (
        isolated(free_domain()),
        Cameras(_NAMESPACE, seed) as cameras,
        Observer(cameras, _NAMESPACE) as observer,
    ):
        with Suite(_NAMESPACE, {"model": str(model)}, log) as suite:
            if not _answers(observer, suite):
                raise TimeoutError(f"the suite did not answer within {_READY_SECONDS:.0f} s; see {log}")
            scene = Scene(cameras, suite, observer, np.random.default_rng(seed))
            begin = time.monotonic()
            while (now := time.monotonic() - begin) < seconds and suite.alive:
                name = draw(scene.rng, suite.setup.transport, outcome.impossible)
                report(f"{now:7.1f} s  {name}")
                outcome.faults[name] += 1
                FAULTS[name](scene)
                _wait(float(scene.rng.uniform(*_PAUSES)), suite, begin, outcome.memory_mb)
            outcome.seconds = time.monotonic() - begin
            if not suite.alive:
                observer.problems[f"the suite died, exit code {suite.exit_code}; see {log}"] += 1
            else:
                restore(scene)
                if not _answers(observer, suite):
                    observer.problems["the suite does not answer good cameras after the faults"] += 1
            outcome.starts = suite.starts
        outcome.good_frames, outcome.bad_frames = cameras.good_frames, cameras.bad_frames
        outcome.answered = observer.answered
        outcome.frames, outcome.levels = dict(observer.frames), dict(observer.levels)
        outcome.problems = observer.problems
    outcome.problems.update(_memory_problems(outcome.memory_mb, memory_mb))
    return outcome


def _answers(observer: Observer, suite: Suite) -> bool:
    """Whether every camera is answered from now on."""
    before, deadline = observer.answers.copy(), time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and suite.alive:
        if all(observer.answers[name] > before[name] for name in suite.setup.cameras):
            return True
        time.sleep(0.05)
    return False


def _wait(seconds: float, suite: Suite, begin: float, memory_mb: list[float]) -> None:
    """Let the fault work, and note the memory meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        minute = int((time.monotonic() - begin) / _MINUTE)
        memory_mb.extend([0.0] * (minute + 1 - len(memory_mb)))
        memory_mb[minute] = max(memory_mb[minute], suite.rss_mb())
        if (left := deadline - time.monotonic()) <= 0:
            return
        time.sleep(min(left, 0.5))


def _memory_problems(minutes: list[float], most: float) -> dict[str, int]:
    found = {}
    if (peak := max(minutes, default=0.0)) > most:
        found[f"the suite had {peak:.0f} MB, where {most:.0f} are allowed"] = 1
    if len(minutes) >= _FEWEST_MINUTES:
        late = len(minutes) - len(minutes) // 3
        gained = max(minutes[late:]) - max(minutes[:late])
        if gained > _LEAK_MB:
            found[f"memory grew by {gained:.0f} MB in the last third of the run"] = 1
    return found
