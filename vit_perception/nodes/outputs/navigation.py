"""`navigation/action`, `navigation/collision` and `navigation/goal_distance`, as far as they are trained."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Range
from vision_msgs.msg import Classification, ObjectHypothesis

from vit_perception.cards.card import Card
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, has_subscribers
from vit_perception.runtime.results import Navigation, Perception
from vit_perception.tasks import NAVIGATION

COLLISION = "collision"


def navigation_labels(card: Card) -> tuple[str, ...]:
    """Names of the class ids on the navigation topics: those of the actions, then COLLISION."""
    return (*card.actions, COLLISION)


class NavigationOutput(Output):
    """Scores by class id, which `navigation/label_info` names: those of the actions, and COLLISION."""

    tasks = (NAVIGATION,)

    def __init__(self, node: Node, prefix: str, card: Card) -> None:
        super().__init__(node, prefix)
        self._action = self._collision = self._distance = None
        self._collision_id = navigation_labels(card).index(COLLISION)
        if "navigation.action" in card.trained:
            self._action = self.advertise("navigation/action")
        if "navigation.collision" in card.trained:
            self._collision = self.advertise("navigation/collision")
        if "navigation.goal_distance" in card.trained:
            self._distance = self.advertise("navigation/goal_distance")

    def publish(self, perception: Perception, frame: Frame) -> None:
        result = perception.navigation
        if result is None:
            return
        if self._action is not None and has_subscribers(self._action):
            self._action.publish(Classification(header=frame.header, results=list(_actions(result))))
        if self._collision is not None and has_subscribers(self._collision):
            results = [] if result.collision is None else [_hypothesis(self._collision_id, result.collision)]
            self._collision.publish(Classification(header=frame.header, results=results))
        if self._distance is not None and has_subscribers(self._distance):
            self._distance.publish(_range(result.goal_distance, frame))


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
