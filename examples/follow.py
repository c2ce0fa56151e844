"""Follow one object by its track: turn towards it and keep a distance.

`id` is the track's; `ros2 param set /follow id 7` changes it. Distance comes from the box and the object's
`height` in metres, without depth. A box at the top or bottom edge may be cut, and its object nearer: then the
robot only turns. Without the track for `max_age` seconds, and at the end, it stands. It avoids nothing.

in   tracks, and camera_info (K, without distortion) of a camera that looks ahead
out  cmd_vel: TwistStamped, or Twist with `stamped` false

    python3 follow.py --ros-args -p id:=7 -p keep:=1.5
"""

import math
import signal

import rclpy
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from vit_perception.nodes.stamps import seconds_of

DEFAULTS = {"id": 0, "height": 1.7, "keep": 2.5, "max_speed": 0.4, "max_turn": 0.8, "max_age": 0.5}


class Follow(Node):
    def __init__(self) -> None:
        super().__init__("follow")
        for name, value in DEFAULTS.items():
            self.declare_parameter(name, value)
        self.stamped = self.declare_parameter("stamped", True).value
        self.seen, self.camera = -math.inf, CameraInfo()  # seconds of the last box that was followed
        self.commands = self.create_publisher(TwistStamped if self.stamped else Twist, "cmd_vel", 10)
        self.create_subscription(CameraInfo, "camera_info", self.on_camera, qos_profile_sensor_data)
        self.create_subscription(Detection2DArray, "tracks", self.on_tracks, qos_profile_sensor_data)
        self.create_timer(0.1, self.watch, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def on_camera(self, message: CameraInfo) -> None:
        self.camera = message

    def on_tracks(self, message: Detection2DArray) -> None:
        identity, height, keep, max_speed, max_turn, _ = (self.get_parameter(n).value for n in DEFAULTS)
        boxes = [each.bbox for each in message.detections if each.id == str(identity)]
        fx, _, cx, _, fy, *_ = self.camera.k
        if not boxes or min(fx, fy) <= 0:  # zeros: of no camera, or of one that is not calibrated
            return
        self.seen, twist, centre = seconds_of(message.header), Twist(), boxes[0].center.position
        twist.angular.z = min(max(math.atan2(cx - centre.x, fx), -max_turn), max_turn)  # REP 103: + is left
        top, bottom = centre.y - boxes[0].size_y / 2, centre.y + boxes[0].size_y / 2
        if 1 < top < bottom < self.camera.height - 1:
            twist.linear.x = min(max(0.5 * (fy * height / (bottom - top) - keep), 0.0), max_speed)
        self.drive(twist, message.header.stamp)

    def watch(self) -> None:
        now = self.get_clock().now()
        if abs(now.nanoseconds / 1e9 - self.seen) > self.get_parameter("max_age").value:
            self.drive(Twist(), now.to_msg())

    def drive(self, twist: Twist, stamp: Time) -> None:
        header = Header(stamp=stamp, frame_id="base_link")
        self.commands.publish(TwistStamped(header=header, twist=twist) if self.stamped else twist)


if __name__ == "__main__":
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)  # a signal leaves ROS up for the last command
    node, signals = Follow(), set[int]()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: signals.add(number))
    while not signals:
        rclpy.spin_once(node, timeout_sec=0.1)
    node.drive(Twist(), node.get_clock().now().to_msg())
    node.commands.wait_for_all_acked(Duration(seconds=5))
