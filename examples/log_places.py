"""Write down what was seen where: a line of CSV for each new thing, with its place in the odometry's frame.

A thing is new where none of its label was seen within `apart` metres; with 0, every sighting is a line.
Places are of the side that the camera sees, as far off as depth and odometry are.

in   detections_3d, label_info, odom, and /tf_static: where the camera is on the robot
out  lines on stdout

    python3 log_places.py --ros-args -p apart:=1.0 > seen.csv
"""

import contextlib
import math

import numpy as np
import rclpy
from nav_msgs.msg import Odometry
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3DArray, LabelInfo

# tf2_ros.Buffer does the same; ROS from wheels has none.
from vit_perception.nodes.navigation.transforms import FrameError, Transform, TransformBuffer
from vit_perception.nodes.stamps import seconds_of


class LogPlaces(Node):
    def __init__(self) -> None:
        super().__init__("log_places")
        self.apart = self.declare_parameter("apart", 0.5).value
        self.names: dict[str, str] = {}
        self.known: list[tuple[str, np.ndarray]] = []
        self.frames, self.odom = TransformBuffer(), ""
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(LabelInfo, "label_info", self.on_labels, latched)
        self.create_subscription(TFMessage, "/tf_static", self.on_static, latched)
        self.create_subscription(Odometry, "odom", self.on_odometry, qos_profile_sensor_data)
        self.create_subscription(Detection3DArray, "detections_3d", self.on_boxes, qos_profile_sensor_data)
        print("seconds,label,score,x,y,z,frame", flush=True)

    def on_labels(self, message: LabelInfo) -> None:
        self.names = {str(each.class_id): each.class_name for each in message.class_map}

    def on_static(self, message: TFMessage) -> None:
        for each in message.transforms:
            p, q = each.transform.translation, each.transform.rotation
            place = Transform(np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w]))
            self.frames.put(each.header.frame_id, each.child_frame_id, None, place)

    def on_odometry(self, message: Odometry) -> None:
        self.odom, p, q = message.header.frame_id, message.pose.pose.position, message.pose.pose.orientation
        with contextlib.suppress(ValueError):  # a driver that has no orientation yet
            place = Transform(np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w]))
            self.frames.put(self.odom, message.child_frame_id, seconds_of(message.header), place)

    def on_boxes(self, message: Detection3DArray) -> None:
        seconds = seconds_of(message.header)
        try:  # where the camera was when the image was taken
            camera = self.frames.lookup(self.odom, message.header.frame_id, seconds, max_age=0.2)
        except FrameError as error:
            self.get_logger().warning(f"no place: {error}", throttle_duration_sec=5.0)
            return
        for found in message.detections:
            best, p = found.results[0].hypothesis, found.bbox.center.position
            label, where = self.names.get(best.class_id, best.class_id), camera.apply((p.x, p.y, p.z))
            if all(label != other or math.dist(where, there) >= self.apart for other, there in self.known):
                self.known.append((label, where))
                numbers = [f"{number:.3f}" for number in (best.score, *where)]
                print(f"{seconds:.3f}", label, *numbers, self.odom, sep=",", flush=True)


if __name__ == "__main__":
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(LogPlaces())
