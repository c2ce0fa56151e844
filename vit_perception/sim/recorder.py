"""One recorded world: an expert drives through it and is pushed off its way now and then, or a learner does.
Every frame is labelled with what the expert would do."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import LabelSpace
from vit_perception.sim.expert import Expert
from vit_perception.sim.labels import annotation_of
from vit_perception.sim.learner import Learner, Tally
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.truth import navigation_truth
from vit_perception.sim.wheel import CONTROL, Turns, Wheel, pushed_expert
from vit_perception.sim.world import World
from vit_perception.sim.worlds.make import LEAST_WAY, make_world, open_places

# Frames of a world; then comes the next one. Seconds from frame to frame.
FRAMES, PERIOD = 48, 0.2
# A drive ends after so many frames, too: what stands about is then seen from elsewhere.
_LONGEST = 40
# A learner has the time to arrive, or to get where it does not know on.
LEARNER_FRAMES = 96


@dataclass(frozen=True)
class Recorded:
    """A labelled frame.

    Attributes:
        name: of the picture.
        rgb: (H, W, 3) uint8.
        annotation: in the labels of the space that was asked for.
    """

    name: str
    rgb: np.ndarray
    annotation: Annotation


def name_of(seed: int, kind: str, frame: int, learner: Learner | None = None) -> str:
    """The name of a frame of a world. Those of each learner differ; the folder is that of the world, so that
    training, which holds out folders, holds out the same worlds of all recordings."""
    return f"{_world(seed, kind)}/{_mark(learner)}{frame:03d}"


def frames_of_world(learner: Learner | None) -> int:
    """How many are recorded of a world."""
    return FRAMES if learner is None else LEARNER_FRAMES


def record_world(
    seed: int,
    kind: str,
    size: tuple[int, int],
    space: LabelSpace,
    learner: Learner | None = None,
    tally: Tally | None = None,
) -> Generator[Recorded]:
    """The frames of a world, the same each time.

    The robot drives from the start to the goal, and then from somewhere to somewhere else.

    Args:
        seed: of the world.
        kind: of the world.
        size: height and width of pictures in pixels.
        space: of the labels.
        learner: who drives, with the expert in turns; None: the expert alone.
        tally: that grows with the learner's drives.

    Raises:
        RuntimeError: the renderer is not installed.
    """
    rng = np.random.default_rng([seed, 0xD21])
    tally = tally or Tally()
    world = make_world(seed, kind, people=rng.random() < 0.6)
    simulation = Simulation(world, size)
    camera, places = simulation.camera, open_places(simulation.plan)
    done, drives, most = 0, 0, frames_of_world(learner)
    try:
        while done < most:
            route = Route(simulation.plan, simulation.world.goal)
            expert = Expert(simulation.plan, route, simulation.people)
            wheel: Wheel
            if learner is None:
                wheel, longest = pushed_expert(rng, simulation, expert), _LONGEST
            else:
                wheel, longest = Turns(rng, simulation, route, expert, learner, tally), most
            tally.drives += not drives
            episode = f"{_world(seed, kind)}-{_mark(learner)}{drives}"
            for recorded in _drive(
                simulation, route, expert, wheel, episode, space, min(longest, most - done)
            ):
                yield replace(recorded, name=name_of(seed, kind, done, learner))
                done += 1
            tally.arrived += simulation.reached and not drives
            drives += 1
            simulation = Simulation(_elsewhere(rng, world, places), size)
            simulation.camera = camera
    finally:
        camera.close()


def _world(seed: int, kind: str) -> str:
    return f"{kind}-{seed:06d}"


def _mark(learner: Learner | None) -> str:
    """What comes before the numbers of frames and drives."""
    return "" if learner is None else f"{learner.digest[:8]}-"


def _drive(
    simulation: Simulation,
    route: Route,
    expert: Expert,
    wheel: Wheel,
    episode: str,
    space: LabelSpace,
    most: int,
) -> Iterator[Recorded]:
    for frame in range(most):
        pose = simulation.pose
        if simulation.reached or not math.isfinite(route.distance((pose.x, pose.y))):
            return
        truth = navigation_truth(simulation, route, expert, episode, frame)
        seen = simulation.look()
        yield Recorded("", seen.rgb, annotation_of(seen, simulation.world, space, truth))
        wheel(seen)
        for _ in range(round(PERIOD / CONTROL) - 1):
            wheel(None)


def _elsewhere(rng: np.random.Generator, world: World, places: np.ndarray) -> World:
    """The same world with another start and goal, farther apart than a step."""
    while True:
        start, goal = places[rng.integers(len(places), size=2)]
        if np.hypot(*(goal - start)) > LEAST_WAY / 2:
            yaw = float(rng.uniform(-math.pi, math.pi))
            return replace(
                world, start=(float(start[0]), float(start[1]), yaw), goal=(float(goal[0]), float(goal[1]))
            )
