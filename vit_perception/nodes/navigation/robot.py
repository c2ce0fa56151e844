"""Subscriptions to what a robot says about itself: its odometry, its transforms, and its goal."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import Point, PoseStamped, Quaternion, Vector3
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.subscription import Subscription

from vit_perception.nodes.navigation.goal import Goal, Whereabouts
from vit_perception.nodes.navigation.transforms import Transform
from vit_perception.nodes.outputs.topics import TOPICS, message_class
from vit_perception.nodes.qos import qos_profile
from vit_perception.nodes.stamps import seconds_of

_LOG_SECONDS = 30.0


class Robot:
    """Keeps `Whereabouts` up to date. /tf is read once it is needed: it is much work where it is not.

    Args:
        node: that subscribes.
        whereabouts: what is told, in the executor's thread.
        looks: whether it is of use where a camera is on the robot.
    """

    def __init__(self, node: Node, whereabouts: Whereabouts, looks: bool) -> None:
        self._node = node
        self._whereabouts = whereabouts
        self._subscriptions: list[Subscription] = []
        self._looks = looks
        self._reads_transforms = False
        self._subscribe("goal_pose", self._take_goal)
        self._subscribe("odom", self._take_odometry)
        if looks:
            self._subscribe_transforms("/tf_static", fixed=True)

    def destroy(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()

    def _subscribe(self, name: str, callback: Any) -> None:
        def take(message: Any) -> None:
            try:
                callback(message)
            except ValueError as error:  # a wrong message is no reason to end
                self._node.get_logger().warning(f"{name}: {error}", throttle_duration_sec=_LOG_SECONDS)

        topic = TOPICS[name]
        self._subscriptions.append(
            self._node.create_subscription(
                message_class(topic.message_type), name, take, qos_profile(topic.qos)
            )
        )

    def _take_goal(self, message: PoseStamped) -> None:
        place = message.pose.position
        goal = Goal(message.header.frame_id, (place.x, place.y, place.z), seconds_of(message.header))
        self._whereabouts.set_goal(goal)
        self._node.get_logger().info(f"goal: {place.x:.2f}, {place.y:.2f} in {goal.frame}")
        self._read_transforms()

    def _take_odometry(self, message: Odometry) -> None:
        pose = message.pose.pose
        self._whereabouts.move(
            message.header.frame_id,
            message.child_frame_id,
            seconds_of(message.header),
            _transform(pose.position, pose.orientation),
        )
        self._read_transforms()

    def _read_transforms(self) -> None:
        if self._reads_transforms or not self._whereabouts.needs_transforms:
            return
        self._reads_transforms = True
        self._subscribe_transforms("/tf", fixed=False)
        if not self._looks:
            self._subscribe_transforms("/tf_static", fixed=True)

    def _subscribe_transforms(self, name: str, fixed: bool) -> None:
        try:
            self._subscribe(name, lambda message: self._take_transforms(message, fixed))
        except ModuleNotFoundError:
            self._node.get_logger().error(
                f"{name} is not read, as tf2_msgs is not installed: only goals in the frame of the odometry "
                "can be reached, and where a depth camera looks is not known"
            )

    def _take_transforms(self, message: Any, fixed: bool) -> None:
        for each in message.transforms:
            self._whereabouts.connect(
                each.header.frame_id,
                each.child_frame_id,
                None if fixed else seconds_of(each.header),
                _transform(each.transform.translation, each.transform.rotation),
            )


def _transform(place: Point | Vector3, turn: Quaternion) -> Transform:
    return Transform(np.array((place.x, place.y, place.z)), np.array((turn.x, turn.y, turn.z, turn.w)))
