"""How a camera turns from frame to frame, by the robot's odometry and the camera's focal length."""

from __future__ import annotations

import math

import numpy as np
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.subscription import Subscription

from vit_perception.nodes.depth.intrinsics import Intrinsics
from vit_perception.nodes.depth.settings import DepthSettings
from vit_perception.nodes.navigation.transforms import FrameError, Transform, TransformBuffer
from vit_perception.nodes.outputs.topics import TOPICS, message_class
from vit_perception.nodes.qos import qos_profile
from vit_perception.nodes.settings import Settings
from vit_perception.nodes.stamps import seconds_of
from vit_perception.runtime.camera_model import Size
from vit_perception.runtime.camera_turn import turned

# Seconds that the nearest odometry may be apart from a frame.
_MAX_AGE = 0.2
# Odometry that is so many seconds before the last begins anew, as when a bag is played again.
_BACK = 1.0
# Names of the frames in the buffer: those of the messages may change, and say nothing here.
_ODOM, _BASE = "odom", "base"


class CameraMotion:
    """Of one camera. The executor calls `attend`, the worker `between`.

    Args:
        node: that subscribes.
        intrinsics: of the camera.
    """

    def __init__(self, node: Node, intrinsics: Intrinsics) -> None:
        self._node = node
        self._intrinsics = intrinsics
        self._settings = DepthSettings()
        self._subscription: Subscription | None = None
        # Replaced as a whole: the executor writes it, the worker reads it.
        self._poses: TransformBuffer | None = None
        self._newest = -math.inf
        self._missing = ""
        self._ever = False

    def apply(self, settings: Settings) -> None:
        """Use these settings from the next frame on."""
        self._settings = settings.depth

    def attend(self, wanted: bool) -> None:
        """Subscribe while the motion is wanted, otherwise no longer."""
        self._intrinsics.attend(self, wanted)
        if wanted and self._subscription is None:
            self._poses, self._missing, self._ever = None, "no frame has come", False
            topic = TOPICS["odom"]
            self._subscription = self._node.create_subscription(
                message_class(topic.message_type), topic.name, self._take_odometry, qos_profile(topic.qos)
            )
        elif not wanted and self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def between(self, before: float, after: float, size: Size) -> np.ndarray | None:
        """(3, 3) homography: where a pixel of what is far away goes from one frame to another.

        Args:
            before: seconds of the stamp of one frame.
            after: of the other.
            size: (height, width) of the frames in pixels.

        Returns:
            None where it is not known; `state` then says why.
        """
        poses = self._poses
        if poses is None:
            name = self._node.resolve_topic_name("odom")
            self._missing = f"nothing that can be used has come on {name}"
            return None
        camera = self._intrinsics.camera(size, self._settings)
        if camera is None:
            self._missing = self._intrinsics.trouble
            return None
        try:
            one, other = (poses.lookup(_ODOM, _BASE, at, _MAX_AGE) for at in (before, after))
        except FrameError as error:
            self._missing = f"odometry: {error}"
            return None
        self._missing, self._ever = "", True
        _, _, z, w = (one.inverse() @ other).rotation
        # Its part about the vertical, which moves the picture of every level camera in the same way.
        return turned(camera, math.remainder(2 * math.atan2(z, w), math.tau))

    @property
    def state(self) -> str:
        """For people; empty while nobody wants it."""
        if self._subscription is None:
            return ""
        return f"missing: {self._missing}" if self._missing else "from odometry"

    @property
    def warning(self) -> str:
        """That it was known and is no more; empty otherwise."""
        if self._subscription is None or not self._missing or not self._ever:
            return ""
        return f"the camera's motion is lost: {self._missing}; tracks and smoothing go on without"

    def destroy(self) -> None:
        self.attend(False)

    def _take_odometry(self, message: Odometry) -> None:
        seconds, turn = seconds_of(message.header), message.pose.pose.orientation
        try:
            pose = Transform(rotation=np.array((turn.x, turn.y, turn.z, turn.w)))
        except ValueError:
            return  # as if it had not come
        if self._poses is None or seconds < self._newest - _BACK:
            self._poses = TransformBuffer()
        self._newest = seconds
        self._poses.put(_ODOM, _BASE, seconds, pose)
