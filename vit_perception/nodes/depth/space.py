"""Depth and intrinsics of one camera, for all that needs them."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node

from vit_perception.nodes.camera_names import topic_of_camera
from vit_perception.nodes.depth.depth_camera import DepthCamera
from vit_perception.nodes.depth.intrinsics import Intrinsics
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.boxes_3d import View
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.results import Perception


class Space:
    """What a camera sends beside its images.

    Args:
        node: that subscribes.
        camera: its name, see `camera_names`.
        topic: of its images.
        transport: of its depth, one of TRANSPORTS.

    Attributes:
        depth: of its depth camera.
        intrinsics: of its `camera_info`.
    """

    def __init__(self, node: Node, camera: str, topic: str, transport: str) -> None:
        self.depth = DepthCamera(node, topic_of_camera(camera, topic, "depth_image"), transport)
        self.intrinsics = Intrinsics(node, camera, topic)

    def view(self, perception: Perception, frame: Frame, settings: Settings) -> View | None:
        """Depth of a frame, from the depth camera, or where that has none from the model. May wait for it.

        None without any, or without intrinsics.
        """
        camera, depth = self.camera(frame, settings), self.measured(frame, settings)
        if depth is None and perception.depth is not None and perception.depth.metric:
            depth = perception.depth.depth
        return None if depth is None or camera is None else View(depth, camera)

    def camera(self, frame: Frame, settings: Settings) -> CameraModel | None:
        """The camera that took a frame; None while it is not known."""
        size = frame.pixels.shape[0], frame.pixels.shape[1]
        return self.intrinsics.camera(size, settings.depth)

    def measured(self, frame: Frame, settings: Settings) -> np.ndarray | None:
        """(H, W) float32 metres of the depth camera, 0 where it is unknown. May wait."""
        return self.depth.depth(frame, settings.depth.tolerance, settings.max_megapixels)
