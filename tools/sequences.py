"""Sequences of simulated drives with everybody's and everything's identity, for measurements over time."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from vit_perception.data.label_space import DEFAULT_SPACE, read_label_space
from vit_perception.sim.expert import Expert
from vit_perception.sim.labels import annotation_of
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.worlds.make import make_world

# Seconds between two frames.
PERIOD = 0.1


@dataclass(frozen=True)
class Sequence:
    """T frames of one camera.

    Attributes:
        rgb: (T, H, W, 3) uint8.
        semantic: (T, H, W) uint8 class ids of the default label space; 255 is unlabelled.
        seconds: (T,) of each frame.
        yaws: (T,) radians, the robot's heading as its odometry has it.
        intrinsics: (3, 3) of the camera, pixels.
        frames: (N,) the frame of each true box.
        ids: (N,) identity of what is in it.
        class_ids: (N,) its class.
        boxes: (N, 4) `x_min, y_min, x_max, y_max` around what is seen of it.
    """

    rgb: np.ndarray
    semantic: np.ndarray
    seconds: np.ndarray
    yaws: np.ndarray
    intrinsics: np.ndarray
    frames: np.ndarray
    ids: np.ndarray
    class_ids: np.ndarray
    boxes: np.ndarray


def drive_sequence(
    folder: Path, seed: int, kind: str, frames: int, still: bool = False, size: tuple[int, int] = (240, 320)
) -> Sequence:
    """Frames of a drive by the expert through a world with people, read from `folder` if they are there.

    Args:
        folder: that keeps sequences.
        seed: of the world.
        kind: of the world.
        frames: at most; fewer where the robot arrives before.
        still: whether robot and people stand, and only the noise of the camera changes.
        size: height and width of the frames.
    """
    file = folder / f"{kind}-{seed}-{frames}{'-still' if still else ''}-{size[0]}x{size[1]}.npz"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        found = _driven(seed, kind, frames, still, size)
        np.savez_compressed(file, **{field.name: getattr(found, field.name) for field in fields(Sequence)})
    with np.load(file) as arrays:
        return Sequence(**arrays)


def _driven(seed: int, kind: str, frames: int, still: bool, size: tuple[int, int]) -> Sequence:
    simulation = Simulation(make_world(seed, kind, people=True), size)
    route = Route(simulation.plan, simulation.world.goal)
    expert = Expert(simulation.plan, route, simulation.people)
    space = read_label_space(DEFAULT_SPACE)
    rgb, semantic, seconds, yaws, true = [], [], [], [], []
    for number in range(frames):
        pose = simulation.pose
        if simulation.reached or not math.isfinite(route.distance((pose.x, pose.y))):
            break
        now = number * PERIOD
        seen = simulation.camera.look(pose, now, simulation.people.clocks)
        annotation = annotation_of(seen, simulation.world, space)
        rgb.append(seen.rgb)
        semantic.append(annotation.semantic)
        seconds.append(now)
        yaws.append(simulation.odometry.pose.yaw)
        for place, (box, class_id) in enumerate(zip(annotation.boxes, annotation.class_ids, strict=True)):
            identity = seen.things[annotation.instances == place + 1][0]
            true.append((number, identity, class_id, *box))
        if not still:
            simulation.step(*expert.command(pose, simulation.velocity), PERIOD)
    intrinsics = simulation.camera.intrinsics
    simulation.close()
    rows = np.array(true, np.float64).reshape(-1, 7)
    return Sequence(
        np.array(rgb),
        np.array(semantic),
        np.array(seconds),
        np.array(yaws),
        intrinsics,
        frames=rows[:, 0].astype(np.int64),
        ids=rows[:, 1].astype(np.int64),
        class_ids=rows[:, 2].astype(np.int64),
        boxes=rows[:, 3:],
    )
