"""A robot beside a live navigator, and the model that drives it."""

import math
from pathlib import Path

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from ros.graph import values, wait_until
from vit_perception.nodes.images import codec

# Drives straight at its goal, and expects a collision where the image is white: test/tiny_driver.py.
DRIVER = Path(__file__).parents[1] / "fixtures" / "tiny_driver"
# On a slow machine, answers are late: nothing is too old, unless a test says so.
PATIENT = {"navigation__max_frame_age_ms": 60_000, "navigation__max_pose_age_ms": 60_000}
GREY, WHITE = 90, 255


class Robot:
    """Publishes what a robot says about itself, and listens to where it is sent."""

    def __init__(self, graph, namespace, kind=TwistStamped):
        self.graph, self.node = graph, f"{namespace}/navigator"
        self._publishers = {
            name: graph.client.create_publisher(message_type, f"{namespace}/{name}", 10)
            for name, message_type in (
                ("image", Image),
                ("depth_image", Image),
                ("odom", Odometry),
                ("goal_pose", PoseStamped),
            )
        }
        self.commands = graph.listen(f"{namespace}/navigation/cmd_vel", kind)

    def close(self):
        self.graph.destroy(*self._publishers.values())

    def send_to(self, x, y, frame="odom", header=None):
        goal = PoseStamped(header=header or self.graph.header())
        goal.header.frame_id = frame
        goal.pose.position.x, goal.pose.position.y, goal.pose.orientation.w = float(x), float(y), 1.0
        publisher = self._publishers["goal_pose"]
        wait_until(publisher.get_subscription_count, "a node that takes goals")
        publisher.publish(goal)

    def look(self, grey=GREY, depth=2.0, yaw=0.0, odometry=True, header=None):
        """Publish one frame, and what belongs to it before it."""
        header = header or self.graph.header()
        if odometry:
            message = Odometry(header=Header(stamp=header.stamp, frame_id="odom"), child_frame_id="base_link")
            turn = message.pose.pose.orientation
            turn.z, turn.w = math.sin(yaw / 2), math.cos(yaw / 2)
            self._publishers["odom"].publish(message)
        if depth is not None:
            pixels = np.full((60, 80), 1000 * depth, np.uint16)
            self._publishers["depth_image"].publish(codec.encode(pixels, "16UC1", header))
        pixels = np.full((120, 160, 3), grey, np.uint8)
        self._publishers["image"].publish(codec.encode(pixels, "bgr8", header))
        return header

    def command(self, accept, what, **frame):
        """The first command from now on that `accept` takes, while frames are published."""
        start = len(self.commands)
        return wait_until(
            lambda: next((each for each in self.commands[start:] if accept(each)), None),
            what,
            lambda: self.look(**frame),
        )

    def says(self, key, word, **frame):
        """A status of the node with this word in one of its values, while frames are published."""
        return self.graph.status(
            self.node, lambda status: word in values(status).get(key, ""), lambda: self.look(**frame)
        )
