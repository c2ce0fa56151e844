#!/usr/bin/env python3
"""Draws docs/topics/: what is published about one frame of a simulated world, topic by topic.

The default model gives all but two: depth, and which pixel is whose, are the simulator's truth.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from topic_drawings import GREY, draw_boxes_3d, draw_from_above, draw_points, draw_tracks
from vit_perception.nodes.faint_boxes import with_faint
from vit_perception.runtime.boxes_3d import View, boxes_3d
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.runtime.planar import Pose
from vit_perception.runtime.points import points
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Depth, Navigation, Perception
from vit_perception.runtime.tracking.tracker import Tracker
from vit_perception.sim.camera import RgbdCamera, RgbdFrame
from vit_perception.sim.plan import Plan
from vit_perception.sim.route import Route
from vit_perception.sim.scene import PEOPLE, Scene
from vit_perception.sim.world import World
from vit_perception.sim.worlds.make import make_world
from vit_perception.tasks import DETECTION
from vit_perception.viz.draw import (
    class_colour,
    draw_attention,
    draw_boxes,
    draw_depth,
    draw_mask,
    draw_overlay,
)

# Chosen for what it shows: two people who walk. The robot stands for so many frames.
KIND, SEED, PLACE = "rooms", 9, 0.02
SIZE, SECONDS, FRAMES, PERIOD = (300, 400), 2.0, 12, 0.1
# So that one box is one object.
THRESHOLD = 0.4
GOAL = (3.0, 0.35)  # metres, and radians to the left
COLOURS = 48


def main(folder: str) -> None:
    world = make_world(SEED, KIND)
    # Noise does not compress.
    world = dataclasses.replace(world, look=dataclasses.replace(world.look, noise=0.0))
    camera = RgbdCamera(Scene(world), SIZE)
    times = [SECONDS - PERIOD * before for before in reversed(range(FRAMES))]
    frames = [camera.look(_pose(world), seconds) for seconds in times]
    (fx, _, cx), (_, fy, cy), _ = camera.intrinsics.tolist()
    camera.close()
    pictures = draw(frames, times, CameraModel(fx, fy, cx, cy, SIZE))
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        flat = Image.fromarray(np.ascontiguousarray(picture)).quantize(COLOURS, dither=Image.Dither.NONE)
        flat.save(Path(folder) / f"{name}.png", optimize=True)


def _pose(world: World) -> Pose:
    """Of a robot on its way to the goal, looking along it."""
    path = Route(Plan(world), world.goal).path(world.start[:2])
    place = round(PLACE * len(path))
    ahead = path[place + 5] - path[place]
    return Pose(float(path[place, 0]), float(path[place, 1]), float(np.arctan2(ahead[1], ahead[0])))


def draw(frames: list[RgbdFrame], times: list[float], camera: CameraModel) -> dict[str, np.ndarray]:
    """The pictures by name; all but the tracks are of the last frame."""
    predictor = Predictor()
    faint = with_faint(Request(thresholds={DETECTION: THRESHOLD}))
    tracker, tracked = Tracker(), []
    for frame, seconds in zip(frames, times, strict=True):
        found = predictor(frame.rgb, "rgb", faint).detection
        assert found is not None
        tracked.append((found, tracker.update(found, seconds, THRESHOLD)))
    image, depth = frames[-1].rgb, frames[-1].depth
    (seen,) = predictor.batch([image], ["rgb"], navigation=[NavigationInput(depth, GOAL)])
    # The default model gives all of these.
    assert seen.detection
    assert seen.segmentation
    assert seen.navigation
    assert seen.attention
    labels, view = predictor.labels, View(depth, camera)
    alone = Perception(SIZE)
    action = Navigation(seen.navigation.actions, seen.navigation.action_scores, seen.navigation.collision)
    truth = frames[-1].true_depth
    return {
        "image": image,
        "depth_image": _tinted(Depth(np.where(depth > 0, depth, np.nan))),
        "classification": draw_overlay(
            image, dataclasses.replace(alone, classification=seen.classification), labels
        ),
        "detections": draw_boxes(image, seen.detection, labels["detection"]),
        "tracks": draw_tracks(image, tracked),
        "detections_3d": draw_boxes_3d(image, boxes_3d(seen.detection.boxes, SIZE, view), camera),
        "mask": draw_mask(np.full_like(image, 255), seen.segmentation),
        "confidence": cv2.cvtColor(seen.segmentation.confidence, cv2.COLOR_GRAY2RGB),
        "instances": _instances(frames[-1].things),
        "points": draw_points(points(seen.segmentation, view, 1)),
        "depth": _tinted(Depth(truth)),
        "depth_relative": _tinted(Depth(1 / np.maximum(truth, 0.1), metric=False)),
        "action": draw_overlay(image, dataclasses.replace(alone, navigation=action), labels),
        "navigation": draw_from_above(seen.navigation, GOAL, SIZE),
        "heatmap": draw_attention(np.zeros_like(image), seen.attention.heatmap, opacity=1.0),
        "attention": draw_attention(image, seen.attention.heatmap),
        "overlay": draw_overlay(image, seen, labels),
    }


def _tinted(depth: Depth) -> np.ndarray:
    return draw_depth(np.full((*SIZE, 3), GREY, np.uint8), depth)


def _instances(things: np.ndarray) -> np.ndarray:
    """The pixels of each person in a colour of its own; black is 0, no object."""
    drawn = np.zeros((*things.shape, 3), np.uint8)
    for number, walker in enumerate(np.unique(things[things <= PEOPLE])):
        drawn[things == walker] = class_colour(number)
    return drawn


if __name__ == "__main__":
    main(sys.argv[1])
