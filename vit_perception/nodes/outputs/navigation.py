"""`navigation/action`, `…/collision` and `…/goal_distance`: those that the model was trained for."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Range
from vision_msgs.msg import Classification, ObjectHypothesis

from vit_perception.cards.card import Card
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, heard
from vit_perception.runtime.results import Navigation, Perception
from vit_perception.tasks import NAVIGATION

COLLISION = "collision"


class NavigationOutput(Output):
    """Scores by name. An answer that is not a number is a message without results, a distance of NaN."""

    tasks = (NAVIGATION,)

    def __init__(self, node: Node, prefix: str, card: Card) -> None:
        super().__init__(node, prefix)
        self._action = self._collision = self._distance = None
        if "navigation.action" in card.trained:
            self._action = self.advertise(Classification, "navigation/action")
        if "navigation.collision" in card.trained:
            self._collision = self.advertise(Classification, "navigation/collision")
        if "navigation.goal_distance" in card.trained:
            self._distance = self.advertise(Range, "navigation/goal_distance")

    def publish(self, perception: Perception, frame: Frame) -> None:
        answer = perception.navigation
        if answer is None:
            return
        if self._action is not None and heard(self._action):
            self._action.publish(Classification(header=frame.header, results=list(_actions(answer))))
        if self._collision is not None and heard(self._collision):
            results = [] if answer.collision is None else [_hypothesis(COLLISION, answer.collision)]
            self._collision.publish(Classification(header=frame.header, results=results))
        if self._distance is not None and heard(self._distance):
            self._distance.publish(_range(answer.goal_distance, frame))


def _actions(answer: Navigation) -> Iterable[ObjectHypothesis]:
    """Best first."""
    if answer.action_scores is not None:
        for index in np.argsort(-answer.action_scores, kind="stable"):
            yield _hypothesis(answer.actions[index], float(answer.action_scores[index]))


def _hypothesis(name: str, score: float) -> ObjectHypothesis:
    return ObjectHypothesis(class_id=name, score=score)


def _range(metres: float | None, frame: Frame) -> Range:
    distance = math.nan if metres is None else metres
    return Range(header=frame.header, min_range=0.0, max_range=math.inf, range=distance)
