#!/usr/bin/env python3
"""Draws docs/worlds.png: for each kind of world, pictures of two seeds, and the second's depth and labels."""

from __future__ import annotations

import sys
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image

from vit_perception.data.label_space import LabelSpace, read_label_space
from vit_perception.runtime.planar import Pose
from vit_perception.runtime.results import UNLABELLED
from vit_perception.sim.camera import RgbdCamera, RgbdFrame
from vit_perception.sim.labels import annotation_of
from vit_perception.sim.plan import Plan
from vit_perception.sim.route import Route
from vit_perception.sim.scene import Scene
from vit_perception.sim.sensor import MOST_DEPTH
from vit_perception.sim.world import KINDS, World
from vit_perception.sim.worlds.make import make_world

# By kind, chosen for what they show: the seed, and how far along the way to the goal, as a share.
PLACES = {
    "rooms": ((2, 0.35), (4, 0.02)),
    "office": ((8, 0.35), (4, 0.66)),
    "warehouse": ((4, 0.02), (9, 0.35)),
    "yard": ((4, 0.02), (5, 0.33)),
}
SIZE = (240, 320)
SHOWN = (165, 220)
# Colours in steps of eight compress better.
STEPS = 0xF8


def main(output: str) -> None:
    space = read_label_space()
    rows = []
    for kind in KINDS:
        row = []
        for seed, share in PLACES[kind]:
            world = make_world(seed, kind)
            # Noise does not compress.
            world = replace(world, look=replace(world.look, noise=0.0))
            frame = seen(world, share)
            row.append(frame.rgb)
        row += [depth_of(frame), labels_of(frame, world, space)]
        rows.append(np.hstack([cv2.resize(one, SHOWN[::-1], interpolation=cv2.INTER_AREA) for one in row]))
    Image.fromarray(np.vstack(rows).astype(np.uint8) & STEPS).save(output, optimize=True)


def seen(world: World, share: float) -> RgbdFrame:
    """A frame on the way to the goal, looking along it."""
    path = Route(Plan(world), world.goal).path(world.start[:2])
    place = round(share * len(path))
    ahead = path[min(place + 5, len(path) - 1)] - path[place]
    camera = RgbdCamera(Scene(world), SIZE)
    pose = Pose(float(path[place, 0]), float(path[place, 1]), float(np.arctan2(ahead[1], ahead[0])))
    frame = camera.look(pose, 0.0)
    camera.close()
    return frame


def depth_of(frame: RgbdFrame) -> np.ndarray:
    """Near is red, far is blue, black is unknown."""
    near = 255 * (1 - np.clip(frame.depth / MOST_DEPTH, 0, 1))
    colours = cv2.cvtColor(cv2.applyColorMap(near.astype(np.uint8), cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    return np.where(frame.depth[..., None] > 0, colours, 0).astype(np.uint8)


def labels_of(frame: RgbdFrame, world: World, space: LabelSpace) -> np.ndarray:
    """Colours of the label space, others for things, and white boxes."""
    found = annotation_of(frame, world, space)
    rng = np.random.default_rng(1)
    colours = rng.integers(60, 255, (UNLABELLED + 1, 3)).astype(np.uint8)
    for class_id, label in enumerate(space.labels):
        if label.colour is not None:
            colours[class_id] = label.colour
    colours[UNLABELLED] = 40
    assert found.semantic is not None
    drawn = colours[found.semantic]
    for left, top, right, bottom in found.boxes.astype(int).tolist():
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), (255, 255, 255), 1)
    return drawn


if __name__ == "__main__":
    main(sys.argv[1])
