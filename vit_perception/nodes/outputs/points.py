"""`segmentation/points`: the mask in space, as Nav2's semantic segmentation layer takes it."""

from __future__ import annotations

import array

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.space_output import SpaceOutput
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.boxes_3d import View
from vit_perception.runtime.points import POINT, points
from vit_perception.runtime.results import Perception
from vit_perception.tasks import SEGMENTATION

_TYPES = {"f": PointField.FLOAT32, "u": PointField.UINT8}
_FIELDS = [
    PointField(name=name, offset=place[1], datatype=_TYPES[place[0].kind], count=1)
    for name, place in (POINT.fields or {}).items()
]


class PointsOutput(SpaceOutput):
    name = "segmentation/points"
    tasks = (SEGMENTATION,)

    def publish(self, perception: Perception, frame: Frame, view: View, settings: Settings) -> None:
        if perception.segmentation is not None:
            cloud = points(perception.segmentation, view, settings.depth.points_step)
            self._publisher.publish(_message(cloud, frame.header))


def _message(cloud: np.ndarray, header: Header) -> PointCloud2:
    height, width = cloud.shape
    data = array.array("B")
    data.frombytes(cloud.view(np.uint8).data)
    return PointCloud2(
        header=header,
        height=height,
        width=width,
        fields=_FIELDS,
        is_bigendian=False,
        point_step=POINT.itemsize,
        row_step=POINT.itemsize * width,
        data=data,
        is_dense=False,
    )
