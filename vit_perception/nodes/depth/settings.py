"""The parameters of depth and intrinsics, as one record. Needs no ROS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vit_perception.nodes.camera_names import without_transport

# What the parameter `image_geometry` takes: whether images are as the lens gives them. `auto`: by the name of
# their topic.
AUTO, RAW, RECTIFIED = GEOMETRIES = ("auto", "raw", "rectified")
# What the parameter `depth_transport` takes, as image_transport names them.
COMPRESSED_DEPTH = "compressedDepth"
TRANSPORTS = ("raw", COMPRESSED_DEPTH)


@dataclass(frozen=True)
class DepthSettings:
    """Each is a parameter, see `parameter_specs.py`.

    Attributes:
        transport: one of TRANSPORTS, fixed at start.
        tolerance_ms: how far the stamps of image and depth may be apart.
        geometry: one of GEOMETRIES.
        points_step: pixels of the mask, along each axis, for one of segmentation/points.
    """

    transport: str = TRANSPORTS[0]
    tolerance_ms: float = 50.0
    geometry: str = AUTO
    points_step: int = 1

    @property
    def tolerance(self) -> float:
        """Seconds."""
        return self.tolerance_ms / 1e3

    def rectified(self, topic: str) -> bool:
        """Whether the images of a topic are rectified.

        By its name, where nothing is given: image_proc publishes `image_rect` and `image_rect_color` of
        `image_raw`, and depth_image_proc subscribes to them by these names.
        """
        if self.geometry != AUTO:
            return self.geometry == RECTIFIED
        return "rect" in without_transport(topic).rpartition("/")[2]


# Parameter by field.
NAMES = {
    "transport": "depth_transport",
    "tolerance_ms": "depth_tolerance_ms",
    "geometry": "image_geometry",
    "points_step": "segmentation.points_step",
}


def depth_settings(value: Callable[[str], Any], has: Callable[[str], bool]) -> DepthSettings:
    """The record of the parameters; `value` gives one by its name, if the node `has` it."""
    given = {field: value(name) for field, name in NAMES.items() if has(name)}
    # A whole number may stand for a decimal one.
    return DepthSettings(
        **{field: type(getattr(DepthSettings, field))(each) for field, each in given.items()}
    )
