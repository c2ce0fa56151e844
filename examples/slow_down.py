"""Slow the robot down while a person is near: a relay between whoever drives and the base.

From `slow_distance` on, the robot goes the same curve, but slower; from `stop_distance` on, it stands. It may
back off and turn on the spot all the same. A near person counts for `hold` seconds more, as detectors miss
frames. Without detections of the last `max_age` seconds it stands; until label_info says what they are, all
count. Not a safety system: a person whose depth is unknown is not in detections_3d.

in   detections_3d of a camera that looks ahead, label_info, cmd_vel
out  cmd_vel_limited: TwistStamped, as cmd_vel; with `stamped` false, both are Twist

    python3 slow_down.py --ros-args -r cmd_vel:=cmd_vel_nav -r cmd_vel_limited:=cmd_vel -p stop_distance:=0.8
"""

import contextlib
import math

import rclpy
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from vision_msgs.msg import Detection3DArray, LabelInfo

from vit_perception.nodes.stamps import seconds_of


class SlowDown(Node):
    def __init__(self) -> None:
        super().__init__("slow_down")
        self.label = self.declare_parameter("label", "person").value
        self.stop_distance = self.declare_parameter("stop_distance", 1.0).value
        self.slow_distance = self.declare_parameter("slow_distance", 3.0).value
        self.hold = self.declare_parameter("hold", 1.0).value
        self.max_age = self.declare_parameter("max_age", 0.5).value
        kind = TwistStamped if self.declare_parameter("stamped", True).value else Twist
        self.names: dict[str, str] = {}
        self.newest = -math.inf  # stamp of the last detections
        self.nearest, self.near_at = math.inf, -math.inf  # metres, and the stamp of the frame with them
        self.limited = self.create_publisher(kind, "cmd_vel_limited", 10)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(LabelInfo, "label_info", self.on_labels, latched)
        self.create_subscription(Detection3DArray, "detections_3d", self.on_boxes, qos_profile_sensor_data)
        self.create_subscription(kind, "cmd_vel", self.on_command, 10)

    def on_labels(self, message: LabelInfo) -> None:
        self.names = {str(each.class_id): each.class_name for each in message.class_map}

    def on_boxes(self, message: Detection3DArray) -> None:
        self.newest, nearest = seconds_of(message.header), math.inf
        for found in message.detections:
            if self.names.get(found.results[0].hypothesis.class_id, self.label) == self.label:
                place = found.bbox.center.position  # REP 103's optical frame: z ahead, x right, y down
                nearest = min(nearest, math.hypot(place.x, place.z))
        if nearest <= self.nearest or abs(self.newest - self.near_at) > self.hold:
            self.nearest, self.near_at = nearest, self.newest

    def on_command(self, command: Twist | TwistStamped) -> None:
        twist = command.twist if isinstance(command, TwistStamped) else command
        if twist.linear.x > 0:
            share = self.share()
            twist.linear.x, twist.linear.y = twist.linear.x * share, twist.linear.y * share
            twist.angular.z *= share
        self.limited.publish(command)

    def share(self) -> float:  # of the speed that was asked for, 0 to 1
        if abs(self.get_clock().now().nanoseconds / 1e9 - self.newest) > self.max_age:
            self.get_logger().warning("no fresh detections_3d: the robot stands", throttle_duration_sec=5.0)
            return 0.0
        room = (self.nearest - self.stop_distance) / max(self.slow_distance - self.stop_distance, 1e-6)
        return min(max(room, 0.0), 1.0)


if __name__ == "__main__":
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(SlowDown())
