#!/usr/bin/env python3
"""How far off `detections_3d` is, against rendered truth: a table for docs/space.md.

Objects are seen from random places in simulated worlds, by a depth camera with its noise and its holes. Boxes
and masks are those of the truth, made worse: every side of a box is moved, and masks are of coarse cells.
Needs the extra `sim`.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.data.label_space import LabelSpace, read_label_space
from vit_perception.runtime.boxes_3d import Boxes3D, Regions, View, boxes_3d
from vit_perception.runtime.camera_model import CameraModel, ray_map
from vit_perception.runtime.planar import Pose
from vit_perception.sim.camera import RgbdFrame, camera_pose
from vit_perception.sim.labels import annotation_of
from vit_perception.sim.scene import PEOPLE
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.world import World
from vit_perception.sim.worlds.make import make_world, open_places

# Metres between which objects are counted together.
DISTANCES = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
# Standard deviation of a box's side, as a share of its width or height; and pixels of a cell of the mask.
SHIFT, CELL = 0.04, 8
# Of optical axes (right, down, ahead) in those of the simulator (right, up, behind).
OPTICAL = np.array([1.0, -1.0, -1.0])
LEAST_PIXELS = 100


@dataclass(frozen=True)
class Errors:
    """Of one object.

    Attributes:
        distance: metres of z to what is seen of it.
        box: metres from what is seen of it, measured by its box alone; NaN where it is left out.
        mask: the same, by its box and the mask.
        middle: metres from the middle of the whole object, by its box and the mask.
    """

    distance: float
    box: float
    mask: float
    middle: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=40, help="how many (40)")
    parser.add_argument("--views", type=int, default=8, help="of each world (8)")
    parser.add_argument("--seed", type=int, default=0, help="of the first world (0)")
    parser.add_argument("--size", type=int, nargs=2, default=(480, 640), help="of pictures (480 640)")
    options = parser.parse_args()
    space, found = read_label_space(), []
    for seed in range(options.seed, options.seed + options.worlds):
        found += list(measured(seed, options.views, tuple(options.size), space))
    print("\n".join(table(found)))


def measured(seed: int, views: int, size: tuple[int, int], space: LabelSpace) -> Iterator[Errors]:
    """All objects that are seen whole from random places of a world."""
    rng = np.random.default_rng([seed, 0x3D])
    world = make_world(seed)
    simulation = Simulation(world, size)
    places = open_places(simulation.plan)
    try:
        for _ in range(views):
            x, y = places[rng.integers(len(places))]
            simulation.pose = Pose(float(x), float(y), float(rng.uniform(-math.pi, math.pi)))
            yield from _in_view(simulation, world, space, rng)
    finally:
        simulation.close()


def _in_view(
    simulation: Simulation, world: World, space: LabelSpace, rng: np.random.Generator
) -> Iterator[Errors]:
    frame = simulation.look()
    truth = annotation_of(frame, world, space)
    height, width = frame.depth.shape
    k = simulation.camera.intrinsics
    # The simulator counts from the edge of the image.
    camera = CameraModel(k[0, 0], k[1, 1], k[0, 2] - 0.5, k[1, 2] - 0.5, (height, width))
    assert truth.semantic is not None
    assert truth.instances is not None
    inside = [
        place
        for place, box in enumerate(truth.boxes)
        if min(box[:2]) > 0
        and box[2] < width
        and box[3] < height
        and (truth.instances == place + 1).sum() >= LEAST_PIXELS
    ]
    sides = np.tile(truth.boxes[:, 2:] - truth.boxes[:, :2], 2)
    boxes = truth.boxes + SHIFT * sides * rng.standard_normal(truth.boxes.shape)
    cells = cv2.resize(truth.semantic, (width // CELL, height // CELL), interpolation=cv2.INTER_NEAREST)
    regions = Regions(cells, truth.class_ids)
    view = View(frame.depth, camera)
    alone = _centres(boxes_3d(boxes, (height, width), view), len(boxes))
    masked = _centres(boxes_3d(boxes, (height, width), view, regions), len(boxes))
    points = ray_map(camera, (height, width)) * frame.true_depth[..., None]
    for place in inside:
        mask = truth.instances == place + 1
        depth = frame.true_depth[mask]
        seen = np.array([*np.median(points[mask], axis=0), np.median(depth)])
        middle = _middle(simulation, world, frame, mask)
        yield Errors(
            float(seen[2]),
            float(np.linalg.norm(alone[place] - seen)),
            float(np.linalg.norm(masked[place] - seen)),
            float(np.linalg.norm(masked[place] - middle)),
        )


def _centres(found: Boxes3D, count: int) -> np.ndarray:
    """(count, 3) metres; NaN for boxes that are left out."""
    centres = np.full((count, 3), np.nan)
    centres[found.kept] = found.centres
    return centres


def _middle(simulation: Simulation, world: World, frame: RgbdFrame, mask: np.ndarray) -> np.ndarray:
    """(3,) metres in the optical frame: the middle of the box around a whole object."""
    shows = int(frame.things[mask][0])
    if shows <= PEOPLE:
        walker = world.walkers[PEOPLE - shows]
        x, y, _ = walker.at(float(simulation.people.clocks[PEOPLE - shows]))
        ground = float(world.ground.height(np.array([x, y])))
        corners = np.array([[x, y, ground], [x, y, ground + walker.height]])
    else:
        corners = np.concatenate(
            [_corners(world, place) for place, solid in enumerate(world.solids) if solid.thing == shows]
        )
    position, axes = camera_pose(world, simulation.pose)
    seen = (corners - position) @ axes * OPTICAL
    return np.asarray((seen.min(axis=0) + seen.max(axis=0)) / 2)


def _corners(world: World, place: int) -> np.ndarray:
    """(8, 3) of the box around a solid."""
    solid = world.solids[place]
    cosine, sine = math.cos(solid.yaw), math.sin(solid.yaw)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    signs = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    ground = float(world.ground.height(np.array(solid.centre[:2])))
    return np.asarray((signs * solid.half) @ turn.T + solid.centre + np.array([0.0, 0.0, ground]))


def table(found: list[Errors]) -> Iterator[str]:
    """Markdown: median and 90th percentile in centimetres, by distance."""
    yield "| metres | objects | by the box alone | with the mask | with the mask, to its middle | left out |"
    yield "|---|---|---|---|---|---|"
    for least, most in [*itertools.pairwise(DISTANCES), (DISTANCES[0], DISTANCES[-1])]:
        here = [each for each in found if least <= each.distance < most]
        if here:
            figures = (np.array([getattr(each, name) for each in here]) for name in ("box", "mask", "middle"))
            cells = ["{:.0f}, {:.0f}".format(*(100 * np.nanpercentile(each, (50, 90)))) for each in figures]
            lost = int(np.isnan([each.mask for each in here]).sum())
            yield f"| {least:g} to {most:g} | {len(here)} | {' | '.join(cells)} | {lost} |"


if __name__ == "__main__":
    main()
