"""One recorded world: an expert drives through it, is pushed off its way now and then, and every frame is
labelled."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import LabelSpace
from vit_perception.sim.expert import Expert
from vit_perception.sim.labels import annotation_of
from vit_perception.sim.robot import MAX_SPEED, MAX_TURN
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.truth import navigation_truth
from vit_perception.sim.world import World
from vit_perception.sim.worlds.make import LEAST_WAY, make_world, open_places

# Frames of a world; then comes the next one. Seconds from frame to frame, and from command to command.
FRAMES, PERIOD, CONTROL = 48, 0.2, 0.1
# How often a second the robot gets random commands instead of the expert's, and for how long.
_KICKS, _KICK_SECONDS = 0.2, (0.3, 1.2)
# A drive ends after so many frames, too: what stands about is then seen from elsewhere.
_LONGEST = 40


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


def name_of(seed: int, kind: str, frame: int) -> str:
    """The name of a frame of a world."""
    return f"{kind}-{seed:06d}/{frame:03d}"


def record_world(seed: int, kind: str, size: tuple[int, int], space: LabelSpace) -> Generator[Recorded]:
    """The FRAMES frames of a world, the same each time.

    The expert drives from the start to the goal, and then from somewhere to somewhere else.

    Args:
        seed: of the world.
        kind: of the world.
        size: height and width of pictures in pixels.
        space: of the labels.

    Raises:
        RuntimeError: the renderer is not installed.
    """
    rng = np.random.default_rng([seed, 0xD21])
    world = make_world(seed, kind, people=rng.random() < 0.6)
    simulation = Simulation(world, size)
    camera, places = simulation.camera, open_places(simulation.plan)
    done, drives = 0, 0
    try:
        while done < FRAMES:
            episode = f"{kind}-{seed:06d}-{drives}"
            for recorded in _drive(rng, simulation, episode, space, FRAMES - done):
                yield replace(recorded, name=name_of(seed, kind, done))
                done += 1
            drives += 1
            simulation = Simulation(_elsewhere(rng, world, places), size)
            simulation.camera = camera
    finally:
        camera.close()


def _drive(
    rng: np.random.Generator, simulation: Simulation, episode: str, space: LabelSpace, most: int
) -> Iterator[Recorded]:
    route = Route(simulation.plan, simulation.world.goal)
    expert = Expert(simulation.plan, route, simulation.people)
    kick, until = (0.0, 0.0), 0.0
    for frame in range(min(most, _LONGEST)):
        pose = simulation.pose
        if simulation.reached or not math.isfinite(route.distance((pose.x, pose.y))):
            return
        truth = navigation_truth(simulation, route, expert, episode, frame)
        seen = simulation.look()
        yield Recorded("", seen.rgb, annotation_of(seen, simulation.world, space, truth))
        for _ in range(round(PERIOD / CONTROL)):
            if simulation.seconds >= until and rng.random() < _KICKS * CONTROL:
                until = simulation.seconds + rng.uniform(*_KICK_SECONDS)
                kick = float(rng.uniform(0, MAX_SPEED)), float(rng.uniform(-MAX_TURN, MAX_TURN))
            kicked = simulation.seconds < until
            command = kick if kicked else expert.command(simulation.pose, simulation.velocity)
            simulation.step(*command, CONTROL)


def _elsewhere(rng: np.random.Generator, world: World, places: np.ndarray) -> World:
    """The same world with another start and goal, farther apart than a step."""
    while True:
        start, goal = places[rng.integers(len(places), size=2)]
        if np.hypot(*(goal - start)) > LEAST_WAY / 2:
            yaw = float(rng.uniform(-math.pi, math.pi))
            return replace(
                world, start=(float(start[0]), float(start[1]), yaw), goal=(float(goal[0]), float(goal[1]))
            )
