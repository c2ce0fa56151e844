"""A live graph to measure: nodes and a paced camera in processes of their own, and a listener."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.bench import usage
from vit_perception.bench.listener import Listener
from vit_perception.nodes.outputs.topics import main_topic, message_class
from vit_perception.replay.processes import Processes, free_domain, isolated

_READY_SECONDS = 120.0
_SETTLE_SECONDS = 2.0
_LATE_SECONDS = 1.0


@dataclass(frozen=True)
class Measured:
    """What was measured over some seconds of frames.

    Attributes:
        seconds: how long.
        sent: frames of all cameras.
        dropped: frames without a result on every topic of their camera.
        ages: by topic, milliseconds from an image's stamp to the receipt of its result.
        cpu: processor seconds that the nodes used in a second.
        rss_mb: resident memory of the nodes at the end, in 10^6 bytes.
        growth_mb: how much it grew.
        stage_ms: milliseconds of each stage, as the nodes report them.
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
        """Results a second by topic."""
        return {topic: len(ages) / self.seconds for topic, ages in self.ages.items()}

    def age_ms(self, percentile: float) -> float:
        """A percentile of the ages of all results; infinite if there were none."""
        everything = np.concatenate(list(self.ages.values()))
        return float(np.percentile(everything, percentile)) if len(everything) else float("inf")


@dataclass
class Graph:
    """Running nodes and cameras.

    Attributes:
        nodes: the processes.
        listener: that is subscribed to their results.
        topics: by the topic of a camera, those that get a result for each of its frames.
        started: when the nodes were started, by the monotonic clock.
        log: file in which the camera notes what it sends.
    """

    nodes: Processes
    listener: Listener
    topics: Mapping[str, Sequence[str]]
    started: float
    log: Path

    def wait_for_results(self) -> float:
        """Wait for a message on every topic.

        Returns:
            Seconds since the start of the nodes.

        Raises:
            TimeoutError: there is none on one of them.
            RuntimeError: a node could not be configured.
            NodeDied: a process ended by itself.
        """
        while not self.listener.all_received():
            self.nodes.check()
            if self.listener.failure:
                raise RuntimeError(self.listener.failure)
            if time.monotonic() - self.started > _READY_SECONDS:
                silent = [topic for topic, ages in self.listener.ages.items() if not ages]
                raise TimeoutError(f"nothing on {', '.join(silent)} in {_READY_SECONDS:.0f} s")
            time.sleep(0.005)
        return time.monotonic() - self.started

    def measure(self, seconds: float) -> Measured:
        """Measure for so long, once every topic has results and the nodes have settled.

        Raises:
            TimeoutError: there is no message on one of the topics.
            RuntimeError: a node could not be configured.
            NodeDied: a process ended by itself.
        """
        self.wait_for_results()
        time.sleep(_SETTLE_SECONDS)
        pids = [running.process.pid for running in self.nodes.running]
        rss, cpu = sum(map(usage.rss_mb, pids)), sum(map(usage.cpu_seconds, pids))
        self.listener.reset()
        begin, start = time.time_ns(), time.monotonic()
        while time.monotonic() - start < seconds:
            self.nodes.check()
            time.sleep(min(0.5, seconds))
        end, took = time.time_ns(), time.monotonic() - start
        cpu = sum(map(usage.cpu_seconds, pids)) - cpu
        time.sleep(_LATE_SECONDS)
        received = {topic: dict(ages) for topic, ages in self.listener.ages.items()}
        sent = [(stamp, camera) for stamp, camera in self._sent() if begin <= stamp < end]
        complete = [all(stamp in received[topic] for topic in self.topics[camera]) for stamp, camera in sent]
        now = sum(map(usage.rss_mb, pids))
        return Measured(
            seconds=took,
            sent=len(sent),
            dropped=complete.count(False),
            # All that came meanwhile, whenever their frames were taken: a slow node returns old ones.
            ages={
                topic: np.array([age for stamp, age in ages.items() if begin <= stamp + 1e6 * age < end])
                for topic, ages in received.items()
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
    beside: bool = False,
) -> Iterator[Graph]:
    """Start a camera, then the nodes, and subscribe to their results; all end with the context.

    Args:
        commands: name → arguments for the Python interpreter.
        topics: topic of a camera → the topics with its results → their message classes.
        hz: frames a second of each camera.
        environment: variables for the nodes, on top of this process's own.
        beside: whether depth, `camera_info` and odometry come with the images.
    """
    results = {name: kind for each in topics.values() for name, kind in each.items()}
    # For all three kinds of process.
    with isolated(free_domain()), tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "camera.txt"
        options = ["--hz", str(hz), "--log", str(log), *(["--beside"] if beside else [])]
        camera = ["-m", "vit_perception.bench.camera", *options, *topics]
        with (
            Processes({"camera": camera}, {}, Path(folder)) as cameras,
            Listener(results) as listener,
        ):
            while not log.exists():  # start the nodes' clock when the camera runs
                cameras.check()
                time.sleep(0.01)
            started = time.monotonic()
            with Processes(commands, environment, Path(folder)) as nodes:
                yield Graph(
                    nodes, listener, {name: list(each) for name, each in topics.items()}, started, log
                )


def task_topics(tasks: Iterable[str], prefix: str = "") -> dict[str, Any]:
    """The main topic of each task → its message class.

    Args:
        tasks: their names.
        prefix: namespace of the topics: empty, or with a slash at its beginning.
    """
    topics = [main_topic(task) for task in tasks]
    return {f"{prefix}/{topic.name}": message_class(topic.message_type) for topic in topics}
