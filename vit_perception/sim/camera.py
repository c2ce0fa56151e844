"""The robot's RGB-D camera: a picture as a cheap sensor takes it, depth as a depth camera measures it, and
the truth of both."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vit_perception.runtime.planar import Pose
from vit_perception.sim.mujoco_library import load_mujoco
from vit_perception.sim.robot import CAMERA_X
from vit_perception.sim.scene import FAR, NEAR, SKY, Scene
from vit_perception.sim.sensor import Sensor
from vit_perception.sim.world import World


@dataclass(frozen=True)
class RgbdFrame:
    """What the camera gives at one time, H x W pixels.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth: (H, W) float32 metres along the optical axis as measured, 0 where nothing was.
        true_depth: the same as it is; 0 in the sky.
        things: (H, W) int32: a place in `World.things`, or GROUND, SKY, or PEOPLE - k for walker k.
    """

    rgb: np.ndarray
    depth: np.ndarray
    true_depth: np.ndarray
    things: np.ndarray


class RgbdCamera:
    """Renders a scene from the robot.

    Args:
        scene: that is rendered.
        size: height and width of pictures, pixels.

    Attributes:
        intrinsics: (3, 3) focal lengths and centre, pixels.

    Raises:
        RuntimeError: MuJoCo or EGL is not installed.
    """

    def __init__(self, scene: Scene, size: tuple[int, int] = (240, 320)) -> None:
        self._mujoco = mujoco = load_mujoco()
        self._scene, self._size = scene, size
        height, width = size
        focal = height / 2 / math.tan(scene.world.look.field_of_view / 2)
        self.intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
        self._sensor = Sensor(scene.world, size, focal)
        scene.model.vis.global_.offwidth, scene.model.vis.global_.offheight = width, height
        self._gl = mujoco.GLContext(width, height)
        self._gl.make_current()
        self._context = mujoco.MjrContext(scene.model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        self._view = mujoco.MjvScene(scene.model, maxgeom=scene.model.ngeom + 10)
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._eye = mujoco.MjvCamera()
        self._eye.type, self._eye.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, 0

    def look(
        self, pose: Pose, seconds: float, clocks: np.ndarray | None = None, moved: Pose | None = None
    ) -> RgbdFrame:
        """Take a picture. The same arguments give the same pixels.

        Args:
            pose: of the robot when the shutter opens.
            seconds: of the time; noise depends on it.
            clocks: (K,) seconds that each walker has walked; None: all of `seconds`.
            moved: pose when the shutter closes, `Look.blur_seconds` later; None: it stands still.
        """
        world = self._scene.world
        if clocks is None:
            clocks = np.full(len(world.walkers), seconds)
        self._scene.place(*camera_pose(world, pose), clocks)
        self._gl.make_current()
        self._mujoco.mjv_updateScene(
            self._scene.model,
            self._scene.data,
            self._mujoco.MjvOption(),
            None,
            self._eye,
            self._mujoco.mjtCatBit.mjCAT_ALL,
            self._view,
        )
        clean = self._render()
        geoms, depth = self._render_geoms()
        things = np.where(geoms >= 0, self._scene.shows[geoms], SKY).astype(np.int32)
        shine = np.where(geoms >= 0, self._scene.shine[geoms], 0)
        rgb = self._sensor.expose(clean, depth, pose, moved, seconds)
        measured = self._sensor.measure(depth, clean, shine, seconds)
        return RgbdFrame(rgb, measured, depth, things)

    def close(self) -> None:
        """Free the memory of the renderer."""
        self._context.free()
        self._gl.free()

    def _render(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        rgb = np.empty((*self._size, 3), np.uint8)
        self._mujoco.mjr_render(self._rect, self._view, self._context)
        self._mujoco.mjr_readPixels(rgb, None, self._rect, self._context)
        return rgb[::-1].copy()

    def _render_geoms(self) -> tuple[np.ndarray, np.ndarray]:
        """(H, W) int: the geom of the model at each pixel, -1 for none; and (H, W) float32 metres, 0 in the
        sky."""
        flags, flag = self._view.flags, self._mujoco.mjtRndFlag
        colours, buffer = np.empty((*self._size, 3), np.uint8), np.empty(self._size, np.float32)
        for which in (flag.mjRND_SEGMENT, flag.mjRND_IDCOLOR):
            flags[which] = 1
        self._mujoco.mjr_render(self._rect, self._view, self._context)
        self._mujoco.mjr_readPixels(colours, buffer, self._rect, self._context)
        for which in (flag.mjRND_SEGMENT, flag.mjRND_IDCOLOR):
            flags[which] = 0
        # 1 is near, 0 far, and all between linear in 1 / depth.
        depth = 1 / (1 / FAR + buffer[::-1] * (1 / NEAR - 1 / FAR))
        depth = np.where(buffer[::-1] > 0, depth, 0).astype(np.float32)
        numbers = colours[::-1].astype(np.int32) @ (1, 256, 65536)
        of_number = np.full(self._view.ngeom + 1, -1)
        for geom in self._view.geoms[: self._view.ngeom]:
            of_number[geom.segid + 1] = geom.objid
        return of_number[numbers], depth


def camera_pose(world: World, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Where the camera is, and how it is turned.

    Returns:
        (3,) position, and (3, 3) whose columns are what is right, up and behind in the picture.
    """
    base, axes = robot_frame(world, pose)
    pitch = world.look.camera_pitch
    ahead = math.cos(pitch) * axes[:, 0] - math.sin(pitch) * axes[:, 2]
    up = math.sin(pitch) * axes[:, 0] + math.cos(pitch) * axes[:, 2]
    position = base + CAMERA_X * axes[:, 0] + world.look.camera_height * axes[:, 2]
    return position, np.column_stack([-axes[:, 1], up, -ahead])


def robot_frame(world: World, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """base_link in the world: (3,) origin on the ground, and (3, 3) whose columns are ahead, left and up."""
    place, heading = np.array([pose.x, pose.y]), np.array([math.cos(pose.yaw), math.sin(pose.yaw)])
    gradient = world.ground.gradient(place)
    ahead = np.array([*heading, float(gradient @ heading)])
    up = np.array([*-gradient, 1.0])
    ahead, up = ahead / np.linalg.norm(ahead), up / np.linalg.norm(up)
    base = np.array([*place, float(world.ground.height(place))])
    return base, np.column_stack([ahead, np.cross(up, ahead), up])
