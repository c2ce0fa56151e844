"""A grid for a costmap from what the mask says of points: for Nav2's static layer, for RViz.

Blocked (100) is where anything but `free` is seen below `height`; free (0) where only `free` is, within
`step` of the ground; all else is unknown (-1). Points of a confidence below `least`, 0 to 255, do not count.

in   segmentation/points, segmentation/label_info, and /tf_static: where the camera is on the robot
out  costmap, an OccupancyGrid, latched

    python3 feed_costmap.py --ros-args -p size:=6.0 -p free:="[floor, rug, grass]"
"""

import array
import contextlib
import math

import numpy as np
import rclpy
from nav_msgs.msg import OccupancyGrid
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import LabelInfo

from vit_perception.nodes.navigation.transforms import FrameError, Transform, TransformBuffer
from vit_perception.runtime.points import POINT

FREE = ["floor", "rug", "road", "pavement", "grass", "earth", "ground"]
DEFAULTS = {"base_frame": "base_link", "size": 8.0, "cell": 0.1, "height": 1.5, "step": 0.15, "least": 128}


class FeedCostmap(Node):
    def __init__(self) -> None:
        super().__init__("feed_costmap")
        for name, value in DEFAULTS.items():
            self.declare_parameter(name, value)
        self.labels = self.declare_parameter("free", FREE).value
        self.frames, self.free = TransformBuffer(), [-1]  # class ids: none, until label_info says which
        one, many = (QoSProfile(depth=n, durability=DurabilityPolicy.TRANSIENT_LOCAL) for n in (1, 100))
        self.grids = self.create_publisher(OccupancyGrid, "costmap", one)
        self.create_subscription(LabelInfo, "segmentation/label_info", self.on_labels, one)
        self.create_subscription(TFMessage, "/tf_static", self.on_static, many)
        self.create_subscription(PointCloud2, "segmentation/points", self.on_points, qos_profile_sensor_data)

    def on_labels(self, message: LabelInfo) -> None:
        self.free = [each.class_id for each in message.class_map if each.class_name in self.labels]

    def on_static(self, message: TFMessage) -> None:
        for each in message.transforms:
            p, q = each.transform.translation, each.transform.rotation
            place = Transform(np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w]))
            self.frames.put(each.header.frame_id, each.child_frame_id, None, place)

    def on_points(self, cloud: PointCloud2) -> None:
        base, size, cell, height, step, least = (self.get_parameter(name).value for name in DEFAULTS)
        try:
            camera = self.frames.lookup(base, cloud.header.frame_id, 0.0, math.inf)
        except FrameError as error:
            self.get_logger().warning(f"no grid: {error}", throttle_duration_sec=5.0)
            return
        points = np.frombuffer(cloud.data, POINT)
        points = points[np.isfinite(points["z"]) & (points["confidence"] >= least)]
        x, y, z = camera.apply_all(np.stack([points[axis] for axis in "xyz"], axis=-1)).T
        side, extent = round(size / cell), (-size / 2, size / 2)
        grid, free = np.full((side, side), -1, np.int8), np.isin(points["class_id"], self.free)
        for value, seen in ((0, free & (abs(z) < step)), (100, ~free & (z < height))):
            grid[np.histogram2d(y[seen], x[seen], side, (extent, extent))[0] > 0] = value
        message = OccupancyGrid(header=cloud.header, data=array.array("b", grid.tobytes()))
        message.header.frame_id, message.info.resolution = base, size / side
        message.info.width = message.info.height = side
        message.info.origin.position.x = message.info.origin.position.y = -size / 2
        self.grids.publish(message)


if __name__ == "__main__":
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(FeedCostmap())
