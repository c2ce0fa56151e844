"""A live graph for the benchmark: nodes and a paced camera in processes of their own, and a listener."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sensor_msgs.msg import Image
from vision_msgs.msg import Classification, Detection2DArray

from vit_perception.bench import usage
from vit_perception.bench.listener import Listener
from vit_perception.replay.processes import Processes, free_domain, isolated_environment

# One topic a task, and the message on it; with the navigation that the default model was trained for.
TASK_TOPICS: dict[str, tuple[str, Any]] = {
    "classification": ("/classification", Classification),
    "detection": ("/detections", Detection2DArray),
    "segmentation": ("/segmentation/mask", Image),
    "navigation": ("/navigation/action", Classification),
    "depth": ("/depth", Image),
    "attention": ("/attention/heatmap", Image),
}
_READY_SECONDS = 120.0
_SETTLE_SECONDS = 2.0
_LATE_SECONDS = 1.0


@dataclass(frozen=True)
class Measured:
    """What came of some seconds of frames.

    ages: by topic, milliseconds from stamp to receipt; sent: frames of all cameras; dropped: those of them
    that not every topic of their camera answered; cpu: processor seconds of the nodes a second; rss_mb: of
    the nodes, at the end; growth_mb: of that since the begin; stage_ms: as the nodes stated.
    """

    seconds: float
    sent: int
    dropped: int
    ages: Mapping[str, np.ndarray]
    cpu: float
    rss_mb: float
    growth_mb: float
    stage_ms: Mapping[str, float]

    @property
    def hz(self) -> dict[str, float]:
        """Answers a second by topic."""
        return {topic: len(ages) / self.seconds for topic, ages in self.ages.items()}

    def age_ms(self, percentile: float) -> float:
        """Of the ages of all answers; infinite if there were none."""
        everything = np.concatenate(list(self.ages.values()))
        return float(np.percentile(everything, percentile)) if len(everything) else float("inf")


@dataclass
class Graph:
    """Running nodes and cameras. `topics`: by camera, those that are to answer each of its frames."""

    nodes: Processes
    listener: Listener
    topics: Mapping[str, Sequence[str]]
    started: float
    log: Path

    def wait_for_answers(self) -> float:
        """Seconds from the start of the nodes until each topic was heard. TimeoutError if one is not."""
        while not self.listener.everything_heard():
            self.nodes.check()
            if self.listener.failure:
                raise RuntimeError(self.listener.failure)
            if time.monotonic() - self.started > _READY_SECONDS:
                silent = [topic for topic, ages in self.listener.ages.items() if not ages]
                raise TimeoutError(f"nothing on {', '.join(silent)} in {_READY_SECONDS:.0f} s")
            time.sleep(0.005)
        return time.monotonic() - self.started

    def measure(self, seconds: float) -> Measured:
        """Listen so long, from when all answer and have settled."""
        self.wait_for_answers()
        time.sleep(_SETTLE_SECONDS)
        pids = [running.process.pid for running in self.nodes.running]
        rss, cpu = sum(map(usage.rss_mb, pids)), sum(map(usage.cpu_seconds, pids))
        self.listener.forget()
        begin, start = time.time_ns(), time.monotonic()
        while time.monotonic() - start < seconds:
            self.nodes.check()
            time.sleep(min(0.5, seconds))
        end, took = time.time_ns(), time.monotonic() - start
        cpu = sum(map(usage.cpu_seconds, pids)) - cpu
        time.sleep(_LATE_SECONDS)
        heard = {topic: dict(ages) for topic, ages in self.listener.ages.items()}
        sent = [(stamp, camera) for stamp, camera in self._sent() if begin <= stamp < end]
        answered = [all(stamp in heard[topic] for topic in self.topics[camera]) for stamp, camera in sent]
        now = sum(map(usage.rss_mb, pids))
        return Measured(
            seconds=took,
            sent=len(sent),
            dropped=answered.count(False),
            # Those that came meanwhile, whenever their frames were taken: a slow node answers old ones.
            ages={
                topic: np.array([age for stamp, age in ages.items() if begin <= stamp + 1e6 * age < end])
                for topic, ages in heard.items()
            },
            cpu=cpu / took,
            rss_mb=now,
            growth_mb=now - rss,
            stage_ms=self.listener.stage_ms(),
        )

    def _sent(self) -> Iterator[tuple[int, str]]:
        for line in self.log.read_text().splitlines():
            stamp, _, camera = line.partition(" ")
            # The last line may be half written.
            if camera in self.topics:
                yield int(stamp), camera


@contextmanager
def graph(
    commands: Mapping[str, Sequence[str]],
    topics: Mapping[str, Mapping[str, Any]],
    hz: float,
    environment: Mapping[str, str],
) -> Iterator[Graph]:
    """Start a camera at `hz`, then these nodes, and hear them; all end with the context.

    Args:
        commands: name → arguments of the Python interpreter. topics: topic of a camera → the topics that
            answer it, with their message classes. environment: on top of ours, for the nodes.
    """
    os.environ.update(isolated_environment(free_domain()))  # for all three kinds of process
    answers = {name: kind for each in topics.values() for name, kind in each.items()}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "camera.txt"
        camera = ["-m", "vit_perception.bench.camera", "--hz", str(hz), "--log", str(log), *topics]
        with (
            Processes({"camera": camera}, {}, Path(folder)) as cameras,
            Listener(answers) as listener,
        ):
            while not log.exists():  # it is up: what follows is the nodes' time
                cameras.check()
                time.sleep(0.01)
            started = time.monotonic()
            with Processes(commands, environment, Path(folder)) as nodes:
                yield Graph(
                    nodes, listener, {name: list(each) for name, each in topics.items()}, started, log
                )


def task_topics(tasks: Iterable[str], prefix: str = "") -> dict[str, Any]:
    """Topic → message class for these tasks."""
    return {f"{prefix}{TASK_TOPICS[task][0]}": TASK_TOPICS[task][1] for task in tasks}
