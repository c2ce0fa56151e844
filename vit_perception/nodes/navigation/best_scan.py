"""The best that is known of what is free around a robot. Needs no ROS."""

from __future__ import annotations

import numpy as np

from vit_perception.nodes.navigation.depth_scan import scan_of_depth
from vit_perception.nodes.navigation.free_space import scan_of_free_space
from vit_perception.nodes.navigation.scan import Scan, filled, scan_of_model
from vit_perception.nodes.navigation.transforms import Transform
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.results import Navigation

# A camera, and its optical frame in that of the robot.
View = tuple[CameraModel, Transform]


def best_scan(found: Navigation, depth: np.ndarray | None, view: View | None) -> Scan | None:
    """What depth measures; beside that the end of free ground in the picture; else what the model guesses.

    Args:
        found: what the model answers.
        depth: (H, W) metres, registered to the picture; None without.
        view: of the camera; None while nobody says how it looks: then neither depth nor picture tells metres.

    Returns:
        None: nobody knows.
    """
    if view is None:
        return scan_of_model(found)
    camera, mount = view
    ends = found.free_space
    seen = scan_of_model(found) if ends is None else scan_of_free_space(ends, camera, mount)
    return seen if depth is None else filled(scan_of_depth(depth, camera.scaled(depth.shape), mount), seen)
