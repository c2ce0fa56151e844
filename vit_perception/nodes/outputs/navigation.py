"""The topics `navigation/…` with results, as far as they are trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from geometry_msgs.msg import Pose, PoseStamped
from nav_msgs.msg import Path
from rclpy.node import Node
from sensor_msgs.msg import LaserScan, Range
from std_msgs.msg import Header
from vision_msgs.msg import Classification, ObjectHypothesis

from vit_perception.cards.card import Card
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.outputs.output import Output, has_subscribers
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.results import Navigation, Perception
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import NAVIGATION

COLLISION = "collision"
# Of the farthest that a model sees: what it says is free as far is not a wall there.
_SEEN = 0.98


def navigation_labels(card: Card) -> tuple[str, ...]:
    """Names of the class ids on the navigation topics: those of the actions, then COLLISION."""
    return (*card.actions, COLLISION)


class NavigationOutput(Output):
    """Scores by class id, which `navigation/label_info` names: those of the actions, and COLLISION.

    Path and scan are in the robot's frame, with the stamp of the camera's; without them, both are empty.
    """

    tasks = (NAVIGATION,)

    def __init__(self, node: Node, prefix: str, models: TaskModels) -> None:
        super().__init__(node, prefix)
        navigator, card = models.navigator, models.card(NAVIGATION)
        self._max_range = navigator.max_range if navigator else math.inf
        self._base_frame = NavigationSettings.base_frame
        collision_id = navigation_labels(card).index(COLLISION)
        makers: dict[str, Callable[[Navigation, Frame], Any]] = {
            "action": lambda found, frame: Classification(header=frame.header, results=list(_actions(found))),
            "collision": lambda found, frame: _collision(found.collision, collision_id, frame),
            "goal_distance": lambda found, frame: _range(found.goal_distance, frame),
            "path": lambda found, frame: _path(found.path, self._header(frame)),
            "scan": lambda found, frame: _scan(found, self._max_range, self._header(frame)),
        }
        self._messages = [
            (self.advertise(f"navigation/{head}"), make)
            for head, make in makers.items()
            if f"navigation.{head}" in card.trained
        ]

    def apply(self, settings: Settings) -> None:
        if settings.navigation is not None:
            self._base_frame = settings.navigation.base_frame

    def publish(self, perception: Perception, frame: Frame) -> None:
        if (found := perception.navigation) is None:
            return
        for publisher, make in self._messages:
            if has_subscribers(publisher):
                publisher.publish(make(found, frame))

    def _header(self, frame: Frame) -> Header:
        return Header(stamp=frame.header.stamp, frame_id=self._base_frame)


def _collision(score: float | None, class_id: int, frame: Frame) -> Classification:
    results = [] if score is None else [_hypothesis(class_id, score)]
    return Classification(header=frame.header, results=results)


def _actions(result: Navigation) -> Iterable[ObjectHypothesis]:
    """Best first."""
    if result.action_scores is not None:
        for index in np.argsort(-result.action_scores, kind="stable"):
            yield _hypothesis(int(index), float(result.action_scores[index]))


def _hypothesis(class_id: int, score: float) -> ObjectHypothesis:
    return ObjectHypothesis(class_id=str(class_id), score=score)


def _range(metres: float | None, frame: Frame) -> Range:
    return Range(
        header=frame.header,
        radiation_type=Range.INFRARED,  # the type knows light and sound
        field_of_view=math.tau,  # the goal may be behind the robot
        min_range=0.0,
        max_range=math.inf,
        range=math.nan if metres is None else metres,
    )


def _path(path: np.ndarray | None, header: Header) -> Path:
    """Each pose looks along the way to it; the first comes from the robot's origin."""
    points = np.zeros((0, 2)) if path is None else path.astype(float)
    steps = np.diff(points, axis=0, prepend=np.zeros((1, 2)))
    poses = []
    for (x, y), yaw in zip(points.tolist(), np.arctan2(steps[:, 1], steps[:, 0]).tolist(), strict=True):
        pose = Pose()
        pose.position.x, pose.position.y = x, y
        pose.orientation.z, pose.orientation.w = math.sin(yaw / 2), math.cos(yaw / 2)
        poses.append(PoseStamped(header=header, pose=pose))
    return Path(header=header, poses=poses)


def _scan(found: Navigation, max_range: float, header: Header) -> LaserScan:
    """From right to left, as scanners turn. What is free as far as the model sees is infinite (REP 117)."""
    if found.scan is None or found.scan_angles is None:
        return LaserScan(header=header)
    order = np.argsort(found.scan_angles)
    angles, ranges = found.scan_angles[order].astype(float), found.scan[order].astype(np.float32)
    ranges[ranges >= _SEEN * max_range] = np.inf
    return LaserScan(
        header=header,
        angle_min=angles[0],
        angle_max=angles[-1],
        angle_increment=(angles[-1] - angles[0]) / (len(angles) - 1),
        range_min=0.0,
        range_max=max_range,
        ranges=ranges.tolist(),
    )
