"""Drawings of results that no node draws: tracks, boxes in space, points, and what is seen from above.

Images are (H, W, 3) uint8 RGB and are not changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from vit_perception.runtime.boxes_3d import Boxes3D
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.results import UNLABELLED, Detection, Navigation
from vit_perception.viz.draw import class_colour, draw_boxes

GREY = 90
_PAPER, _INK = (250, 250, 250), (24, 26, 30)
_ROBOT, _WAY, _SCAN, _GOAL = (40, 100, 220), (150, 60, 200), (220, 50, 50), (60, 170, 90)
_BOX = (255, 214, 10)
# Corners of a box, by their signs, and pairs of them that an edge connects.
_CORNERS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
_EDGES = [(a, b) for a in range(8) for b in range(a) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 2]
# From where points are looked at: metres above and behind the camera, and how far down.
_ABOVE, _BEHIND, _DOWN = 1.3, 0.6, 0.45
_METRES_SEEN = 4.2


def draw_tracks(image: np.ndarray, tracked: Sequence[tuple[Detection, np.ndarray]]) -> np.ndarray:
    """The last boxes with their ids, and where each was before.

    Args:
        image: of the last frame.
        tracked: boxes and their ids (N,), 0 for none, frame for frame.
    """
    found, ids = tracked[-1]
    drawn = image.copy()
    for identity in ids[ids > 0].tolist():
        trail = [box for before, whose in tracked for box in before.boxes[whose == identity]]
        feet = [((left + right) / 2, bottom) for left, _, right, bottom in trail]
        cv2.polylines(drawn, [np.int32(np.rint(feet))], False, class_colour(identity), 2, cv2.LINE_AA)
    known = Detection(found.boxes[ids > 0], ids[ids > 0], found.scores[ids > 0])
    return draw_boxes(drawn, known, {identity: f"id {identity}" for identity in ids.tolist()})


def draw_boxes_3d(image: np.ndarray, boxes: Boxes3D, camera: CameraModel) -> np.ndarray:
    """The edges of boxes in the camera's frame, with their distance."""
    drawn = image.copy()
    for centre, size in zip(boxes.centres, boxes.sizes, strict=True):
        x, y, z = (centre + _CORNERS * size / 2).T
        pixels = np.rint(np.stack((camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy), axis=1))
        corners = pixels.astype(int).tolist()
        for a, b in _EDGES:
            cv2.line(drawn, corners[a], corners[b], _BOX, 2, cv2.LINE_AA)
        _write(drawn, f"{centre[2]:.1f} m", (corners[0][0], corners[0][1] - 6), _BOX)
    return drawn


def draw_points(cloud: np.ndarray) -> np.ndarray:
    """Points (H, W) of `runtime/points.py` in the colours of their classes, from behind and above."""
    height, width = cloud.shape
    drawn = np.full((height, width, 3), _INK, np.uint8)
    seen = cloud[np.isfinite(cloud["z"]) & (cloud["class_id"] != UNLABELLED)]
    ahead, down = seen["z"] + _BEHIND, seen["y"] + _ABOVE
    depth = ahead * math.cos(_DOWN) + down * math.sin(_DOWN)
    below = down * math.cos(_DOWN) - ahead * math.sin(_DOWN)
    far_first = np.argsort(-depth)
    colours = np.array([class_colour(class_id) for class_id in range(256)], np.uint8)
    columns = np.rint(width / 2 + width * 0.7 * seen["x"] / depth).astype(int)
    rows = np.rint(height * 0.4 + width * 0.7 * below / depth).astype(int)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    shown = far_first[inside[far_first]]
    drawn[rows[shown], columns[shown]] = colours[seen["class_id"][shown]]
    return drawn


def draw_from_above(found: Navigation, goal: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
    """Path, scan and goal around the robot, which looks up: of a navigator that gives all of them.

    Args:
        goal: distance in metres, and bearing in radians to the left.
        size: (height, width) of the picture.
    """
    assert found.path is not None
    assert found.scan is not None
    assert found.scan_angles is not None
    height, width = size
    drawn = np.full((height, width, 3), _PAPER, np.uint8)
    scale = (height - 30) / _METRES_SEEN

    def pixels(metres: np.ndarray) -> np.ndarray:
        """Of (N, 2) places, x ahead and y to the left."""
        return np.int32(np.rint((width / 2, height - 20) - metres[:, ::-1] * scale))

    free = np.minimum(found.scan, 2 * _METRES_SEEN)
    ends = pixels(np.stack((free * np.cos(found.scan_angles), free * np.sin(found.scan_angles)), axis=1))
    robot = pixels(np.zeros((1, 2)))[0].tolist()
    cv2.fillPoly(drawn, [np.vstack([ends, [robot]])], (232, 232, 226))
    for end in ends.tolist():
        cv2.circle(drawn, end, 3, _SCAN, -1, cv2.LINE_AA)
    cv2.polylines(drawn, [np.vstack([[robot], pixels(found.path)])], False, _WAY, 3, cv2.LINE_AA)
    cv2.circle(drawn, robot, round(0.2 * scale), _ROBOT, -1, cv2.LINE_AA)
    distance, bearing = goal
    place = pixels(np.array([(distance * math.cos(bearing), distance * math.sin(bearing))]))[0].tolist()
    cv2.circle(drawn, place, 8, _GOAL, -1, cv2.LINE_AA)
    words = {
        "scan": _SCAN,
        "path": _WAY,
        "goal_pose": _GOAL,
        f"goal_distance {found.goal_distance:.1f} m": _INK,
    }
    for line, (text, colour) in enumerate(reversed(words.items())):
        _write(drawn, text, (10, height - 12 - 18 * line), colour)
    return drawn


def _write(image: np.ndarray, text: str, position: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(image, text, position, cv2.FONT_HERSHEY_DUPLEX, 0.45, colour, 1, cv2.LINE_AA)
