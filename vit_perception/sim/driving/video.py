"""A drive as a video: what the camera sees with the path, where the action looks, depth, and the map."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from vit_perception.runtime.planar import Pose
from vit_perception.sim.driving.episode import FRAME_SECONDS
from vit_perception.sim.driving.map_view import MapView
from vit_perception.sim.driving.navigator_graph import HEATMAP, PATH, NavigatorGraph
from vit_perception.sim.robot import CAMERA_X
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.world import Look

# (height, width) of each of the four pictures.
_PANEL = (360, 480)
_PATH_COLOUR = (150, 60, 200)
_FARTHEST = 6.0


class Video:
    """Writes the video of one drive. Use as a context manager.

    Args:
        path: of the file, MPEG-4; there when the drive is over.
        simulation: of the drive.
        graph: with the navigator's newest answers; None: another policy drives.

    Raises:
        RuntimeError: OpenCV cannot write such a file here.
    """

    def __init__(self, path: Path, simulation: Simulation, graph: NavigatorGraph | None) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}")
        self._simulation = simulation
        self._graph = graph
        self._map = MapView(simulation.world, side=max(_PANEL))
        self._track: list[tuple[float, float]] = []
        size = (2 * _PANEL[1], 2 * _PANEL[0])
        code = cv2.VideoWriter.fourcc(*"mp4v")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = cv2.VideoWriter(f"{self._part}.mp4", code, 1 / FRAME_SECONDS, size)
        if not self._writer.isOpened():
            raise RuntimeError(f"OpenCV cannot write {path}: it lacks the MPEG-4 codec")

    def add(self) -> None:
        """Add a frame of this moment."""
        simulation = self._simulation
        self._track.append((simulation.pose.x, simulation.pose.y))
        frame = simulation.look()
        way = self._way()
        camera = frame.rgb.copy()
        points = project(way, simulation.world.look, simulation.camera.intrinsics)
        cv2.polylines(camera, [np.rint(points).astype(np.int32)], False, _PATH_COLOUR, 2, cv2.LINE_AA)
        near = np.clip(255 * (1 - frame.depth / _FARTHEST), 0, 255).astype(np.uint8)
        depth = cv2.applyColorMap(near, cv2.COLORMAP_VIRIDIS)[..., ::-1]
        depth = np.where(frame.depth[..., None] > 0, depth, 0).astype(np.uint8)
        plan = self._map.now(
            self._track, simulation.pose, simulation.people.discs(), _placed(way, simulation.pose)
        )
        left = np.vstack([_fitted(camera), _fitted(depth)])
        right = np.vstack([_fitted(self._attention(frame.rgb)), _fitted(plan)])
        self._writer.write(np.hstack([left, right])[..., ::-1])

    def _way(self) -> np.ndarray:
        """(N, 2) the navigator's path in the robot's frame."""
        message = self._graph.answers.get(PATH) if self._graph else None
        poses = message.poses if message is not None else ()
        return np.array([(pose.pose.position.x, pose.pose.position.y) for pose in poses]).reshape(-1, 2)

    def _attention(self, rgb: np.ndarray) -> np.ndarray:
        message = self._graph.answers.get(HEATMAP) if self._graph else None
        if message is None:
            return np.zeros_like(rgb)
        heat = np.frombuffer(message.data, "<f4").reshape(message.height, message.width)
        heat = cv2.resize(heat / max(float(heat.max()), 1e-6), rgb.shape[1::-1])
        colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
        return cv2.addWeighted(rgb, 0.4, np.ascontiguousarray(colours), 0.6, 0)

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.release()
        part = Path(f"{self._part}.mp4")
        if error is None:
            part.replace(self._path)
        else:
            part.unlink(missing_ok=True)


def project(points: np.ndarray, look: Look, intrinsics: np.ndarray) -> np.ndarray:
    """(M, 2) pixels of those of (N, 2) points on flat ground, in the robot's frame, that the camera sees."""
    cosine, sine = math.cos(look.camera_pitch), math.sin(look.camera_pitch)
    ahead = points[:, 0] - CAMERA_X
    depth = ahead * cosine + look.camera_height * sine
    seen = depth > 0.05
    below = (look.camera_height * cosine - ahead * sine)[seen] / depth[seen]
    right = -points[seen, 1] / depth[seen]
    pixels = np.stack((right, below, np.ones_like(below)), axis=1) @ intrinsics.T
    return pixels[:, :2]


def _placed(points: np.ndarray, pose: Pose) -> np.ndarray:
    """(N, 2) points of the robot's frame in the world."""
    cosine, sine = math.cos(pose.yaw), math.sin(pose.yaw)
    return points @ np.array([(cosine, sine), (-sine, cosine)]) + (pose.x, pose.y)


def _fitted(picture: np.ndarray) -> np.ndarray:
    """The picture in the middle of a panel, as large as fits."""
    height, width = picture.shape[:2]
    scale = min(_PANEL[0] / height, _PANEL[1] / width)
    size = round(width * scale), round(height * scale)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    panel = np.zeros((*_PANEL, 3), np.uint8)
    top, left = (_PANEL[0] - size[1]) // 2, (_PANEL[1] - size[0]) // 2
    panel[top : top + size[1], left : left + size[0]] = small
    return panel
