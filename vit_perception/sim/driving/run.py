"""The closed loop from start to end: worlds, policies that drive through them, and what comes of it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vit_perception.replay import processes
from vit_perception.replay.recorder import Recorder
from vit_perception.sim.driving import NAVIGATOR
from vit_perception.sim.driving.conditions import CONDITIONS, Condition
from vit_perception.sim.driving.episode import Command, Episode, drive
from vit_perception.sim.driving.folder import Asked, Folder, Job
from vit_perception.sim.driving.navigator_graph import NavigatorGraph, navigator_process
from vit_perception.sim.driving.observation import Senses
from vit_perception.sim.driving.policies import LOCAL
from vit_perception.sim.driving.report import summary
from vit_perception.sim.driving.video import Video
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.worlds.make import make_world

VIDEO = "drive.mp4"
BAG = "drive.mcap"


@dataclass(frozen=True)
class Options:
    """How the navigator runs.

    Attributes:
        model: folder.
        engine: parameters of the node that choose one.
        real_time: whether the robot waits for no answer.
    """

    model: Path | None = None
    engine: tuple[tuple[str, str], ...] = ()
    real_time: bool = False


class ClosedLoop:
    """Does the drives that are not done yet.

    Args:
        asked: which drives.
        folder: of them.
        options: how the navigator runs.
        check: called at least every second; may raise to end early.
    """

    def __init__(self, asked: Asked, folder: Folder, options: Options, check: Callable[[], None]) -> None:
        self._asked = asked
        self._folder = folder
        self._options = options
        self._check = check
        self._graph: NavigatorGraph | None = None
        self._ready = False

    def run(self, progress: Callable[[], object]) -> dict[str, Any]:
        """Drive, and give the content of summary.json.

        Args:
            progress: called after each drive.

        Raises:
            NodeDied, NotReady, NavigatorSilent: of the navigator. What is done is done.
            RuntimeError: the renderer is not installed.
        """
        waiting = [job for job in self._asked.jobs if self._folder.done(job) is None]
        with (
            self._navigator() if any(job.policy == NAVIGATOR for job in waiting) else contextlib.nullcontext()
        ):
            for job in waiting:
                self._check()
                self._do(job)
                self._folder.write_summary(self.results())
                progress()
        results = self.results()
        self._folder.write_summary(results)
        return results

    def results(self) -> dict[str, Any]:
        """The content of summary.json, of the drives that are done."""
        done: dict[str, dict[str, list[Episode]]] = {}
        for job in self._asked.jobs:
            if (episode := self._folder.done(job)) is not None:
                done.setdefault(job.condition, {}).setdefault(job.policy, []).append(episode)
        return summary(done, self._asked.policies[0])

    def _do(self, job: Job) -> None:
        condition = CONDITIONS[job.condition]
        world = condition.seen(make_world(job.seed, self._asked.kind(job.seed), condition.people))
        simulation = Simulation(world)
        try:
            route = Route(simulation.plan, world.goal)
            shortest = route.distance(world.start[:2])
            if job.policy == NAVIGATOR:
                episode = self._navigate(job, simulation, route, shortest, condition)
            else:
                command = LOCAL[job.policy](simulation, route, condition)
                episode = self._drive(job, simulation, shortest, command)
        finally:
            simulation.close()
        self._folder.keep(job, episode, world)

    def _drive(self, job: Job, simulation: Simulation, shortest: float, command: Command) -> Episode:
        path = self._folder.path / VIDEO
        if path.exists() or job.policy != self._asked.policies[0]:
            return drive(simulation, shortest, command, self._check)
        with Video(path, simulation, self._graph) as video:
            return drive(simulation, shortest, command, video.add)

    def _navigate(
        self, job: Job, simulation: Simulation, route: Route, shortest: float, condition: Condition
    ) -> Episode:
        graph = self._graph
        assert graph is not None  # run has entered it
        senses = Senses(simulation, route, condition)
        if not self._ready:
            graph.watch()
            graph.wait_until_ready(senses.observe())
            self._ready = True
        bag = self._folder.bag(job)
        with _recording(bag, graph):
            episode = self._drive(job, simulation, shortest, graph.commands(senses))
        graph.end_drive(simulation.seconds)
        if episode.success and not episode.collisions:
            shutil.rmtree(bag)
        return episode

    @contextlib.contextmanager
    def _navigator(self) -> Iterator[None]:
        domain = processes.free_domain()
        assert self._options.model is not None  # the command has found it
        process = navigator_process(
            self._options.model, dict(self._options.engine), domain, self._folder.path / "logs"
        )
        with processes.isolated(domain), process as running:  # our own participant reads it too

            def check() -> None:
                self._check()
                running.check()

            with NavigatorGraph(domain, check, self._options.real_time) as self._graph:
                yield
        self._graph = None


@contextlib.contextmanager
def _recording(folder: Path, graph: NavigatorGraph) -> Iterator[None]:
    """Record into a bag in `folder` what goes over the topics."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Recorder(folder / BAG) as recorder:
        graph.record_into(recorder)
        try:
            yield
        finally:
            graph.record_into(None)
