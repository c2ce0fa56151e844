"""The parameters of depth cameras, of their intrinsics, and of points."""

from __future__ import annotations

from collections.abc import Iterator

from vit_perception.nodes import parameter_checks as checks
from vit_perception.nodes.depth.settings import GEOMETRIES, NAMES, TRANSPORTS, DepthSettings
from vit_perception.nodes.parameter_spec import Change, ParameterSpec, number
from vit_perception.tasks import DETECTION, NAVIGATION, SEGMENTATION

_DEFAULT = DepthSettings()
_TOLERANCES_MS = (1.0, 60_000.0)
_STEPS = (1, 64)


def depth_specs() -> Iterator[ParameterSpec]:
    """One for each field of `DepthSettings`."""
    yield ParameterSpec(
        NAMES["transport"],
        _DEFAULT.transport,
        "How depth arrives. raw: as sensor_msgs/Image on the topic depth_image. compressedDepth: as "
        "sensor_msgs/CompressedImage on the topic depth_image/compressedDepth.",
        Change.NEVER,
        checks.one_of(*TRANSPORTS),
        tasks=(DETECTION, SEGMENTATION, NAVIGATION),
    )
    yield number(
        NAMES["tolerance_ms"],
        _DEFAULT.tolerance_ms,
        "How far the stamps of image and depth_image may be apart, in milliseconds. What needs depth waits "
        "as long for depth that is late.",
        _TOLERANCES_MS,
        "a time: give milliseconds",
        DETECTION,
        SEGMENTATION,
        NAVIGATION,
    )
    yield ParameterSpec(
        NAMES["geometry"],
        _DEFAULT.geometry,
        "How camera_info describes the images. raw: by K and D, as the lens gives them. rectified: by P. "
        "auto: rectified if the last part of the image topic has rect in it.",
        check=checks.one_of(*GEOMETRIES),
        tasks=(DETECTION, SEGMENTATION),
    )
    yield ParameterSpec(
        NAMES["points_step"],
        _DEFAULT.points_step,
        "Density of segmentation/points: one for each so many pixels of the mask, along each axis, {} to {}. "
        "Nav2's layer needs 1.".format(*_STEPS),
        check=checks.whole_number(*_STEPS, "a step: give pixels"),
        tasks=(SEGMENTATION,),
    )
