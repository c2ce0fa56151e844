"""`camera_info` as sensor_msgs means it, and why it cannot be used."""

from __future__ import annotations

import math

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from vit_perception.nodes.camera_names import compressed, topic_of_camera
from vit_perception.nodes.depth.settings import DepthSettings
from vit_perception.nodes.qos import AdaptiveSubscription
from vit_perception.runtime.camera_model import CameraModel, Size, same_shape

# How many coefficients a distortion model has, in ROS's own list of them. The last one is a fisheye lens.
_FISHEYE = "equidistant"
_COEFFICIENTS = {"plumb_bob": (4, 5), "rational_polynomial": (8,), _FISHEYE: (4,)}
Region = tuple[int, int, int, int]  # left, top, right, bottom


def camera_model(info: CameraInfo, rectified: bool) -> CameraModel:
    """The camera of the images that come with a message: a region of the sensor, binned, where it says so.

    Raw images follow K and D; rectified ones the left three columns of P, which place points in this camera's
    own frame, as depth_image_proc does (the fourth is the way to the other camera of a stereo pair). The
    region of a rectified image is that of the raw one, or with `do_rectify` what becomes of it.

    Raises:
        ValueError: the camera is not calibrated, its distortion is not one of ROS's, or the region is outside
            the image; the message says which.
    """
    camera = _of_p(info) if rectified else _of_k(info)
    region = _region(info)
    if rectified and info.roi.do_rectify:
        region = _rectified(region, _of_k(info), camera, info.r)
    left, top, right, bottom = region
    camera = camera.cropped(left, top, (bottom - top, right - left))
    height, width = camera.size
    return camera.scaled((height // max(info.binning_y, 1), width // max(info.binning_x, 1)))


def _of_k(info: CameraInfo) -> CameraModel:
    distortion = tuple(info.d)
    if not any(distortion):
        distortion = ()
    elif len(distortion) not in _COEFFICIENTS.get(info.distortion_model, ()):
        raise ValueError(
            f"distortion {info.distortion_model!r} with {len(distortion)} coefficients is unknown: publish "
            f"{', '.join(_COEFFICIENTS)}, or rectified images"
        )
    k, size = info.k, (info.height, info.width)
    return CameraModel(k[0], k[4], k[2], k[5], size, distortion, info.distortion_model == _FISHEYE)


def _of_p(info: CameraInfo) -> CameraModel:
    return CameraModel(info.p[0], info.p[5], info.p[2], info.p[6], (info.height, info.width))


def _region(info: CameraInfo) -> Region:
    """The part of the sensor that the images show, in its pixels; a region without size is all of it."""
    roi = info.roi
    if not roi.width or not roi.height:
        return 0, 0, info.width, info.height
    region = roi.x_offset, roi.y_offset, roi.x_offset + roi.width, roi.y_offset + roi.height
    if region[2] > info.width or region[3] > info.height:
        raise ValueError(
            f"its region of {roi.width}x{roi.height} pixels at {roi.x_offset}, {roi.y_offset} is not inside "
            f"{info.width}x{info.height}"
        )
    return region


def _rectified(region: Region, raw: CameraModel, camera: CameraModel, rotation: np.ndarray) -> Region:
    """The part of the rectified image that a region of the raw one becomes, as image_geometry rounds it."""
    left, top, right, bottom = region
    rays = raw.rays(np.array([left, right, left, right]), np.array([top, top, bottom, bottom]))
    ahead = np.column_stack([rays, np.ones(4)]) @ np.asarray(rotation).reshape(3, 3).T
    columns = (camera.fx * ahead[:, 0] / ahead[:, 2] + camera.cx).tolist()
    rows = (camera.fy * ahead[:, 1] / ahead[:, 2] + camera.cy).tolist()
    return (
        max(math.ceil(min(columns[0], columns[2])), 0),
        max(math.ceil(min(rows[0], rows[1])), 0),
        min(math.floor(max(columns[1], columns[3])), camera.size[1]),
        min(math.floor(max(rows[2], rows[3])), camera.size[0]),
    )


class Intrinsics:
    """Subscribes to the `camera_info` of a camera while anybody wants it. The newest message holds.

    Args:
        node: that subscribes.
        camera: its name, see `camera_names`.
        topic: of its images; the messages come beside them.

    Attributes:
        trouble: why images have no camera; empty while the newest one had.
    """

    def __init__(self, node: Node, camera: str, topic: str) -> None:
        self._node = node
        self._topic = topic_of_camera(camera, topic, "camera_info")
        # Either may be remapped, and only one of them is subscribed to.
        self._image_topics = [str(node.resolve_topic_name(name)) for name in (topic, compressed(topic))]
        # Replaced as a whole: the executor writes it, a worker reads it.
        self._info: CameraInfo | None = None
        self._subscription: AdaptiveSubscription | None = None
        self._users: set[object] = set()
        self.trouble = ""

    def attend(self, user: object, wanted: bool) -> None:
        """Subscribe if this user or another wants it, otherwise no longer. What came is then forgotten.

        Args:
            user: whoever asks, always the same.
            wanted: by this one.
        """
        if wanted:
            self._users.add(user)
        else:
            self._users.discard(user)
        if self._users and self._subscription is None:
            self._info = None
            self.trouble = self._words("nothing arrives")
            self._subscription = AdaptiveSubscription(self._node, CameraInfo, self._topic, self._take)
        elif not self._users and self._subscription is not None:
            self._subscription.destroy()
            self._subscription = None

    def camera(self, size: Size, settings: DepthSettings) -> CameraModel | None:
        """The camera for images of (height, width) pixels; None, and `trouble`, if none is known."""
        info = self._info
        if info is None:
            return None
        try:
            camera = camera_model(info, any(map(settings.rectified, self._image_topics)))
            if not same_shape(camera.size, size):
                raise ValueError(
                    f"it describes images of {camera.size[1]}x{camera.size[0]} pixels, and they have "
                    f"{size[1]}x{size[0]}"
                )
        except ValueError as error:
            self.trouble = self._words(str(error))
            return None
        self.trouble = ""
        return camera.scaled(size)

    def _take(self, message: CameraInfo) -> None:
        self._info = message
        if self.trouble == self._words("nothing arrives"):
            self.trouble = ""

    def _words(self, what: str) -> str:
        return f"{self._node.resolve_topic_name(self._topic)}: {what}"
