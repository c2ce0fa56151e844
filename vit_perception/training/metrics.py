"""Metrics of a model on labelled pictures, in percent, of what their labels know."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from vit_perception.data.label_space import LabelSpace
from vit_perception.runtime.results import UNLABELLED, Classification, Navigation, Perception
from vit_perception.tasks import CLASSIFICATION, DETECTION
from vit_perception.training.detection_metrics import DetectionMetrics
from vit_perception.training.examples import Example, Pictures, read_example
from vit_perception.training.mask_metrics import MaskMetrics
from vit_perception.training.targets import ACTIONS, classes_present, drivable_classes, way_ahead

# Average precision integrates over all scores; a cut at a working threshold would lose its tail.
LOWEST_SCORE = 0.005
METRIC_THRESHOLDS = {CLASSIFICATION: 0.0, DETECTION: LOWEST_SCORE}
COARSE = "_coarse"


def presence_of(example: Example, count: int) -> np.ndarray:
    """(count,) 1 present, 0 absent, NaN unknown, see `classes_present`."""
    annotation = example.annotation
    semantic = annotation.semantic
    if semantic is None:
        semantic = np.full((1, 1), UNLABELLED, np.uint8)
    return classes_present(semantic, annotation.class_ids, annotation.ignored_ids, example.known, count)


class PresenceMetrics:
    """Mean average precision of multi-label classification over what is known.

    Args:
        count: number of classes.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.truth: list[np.ndarray] = []
        self.scores: list[np.ndarray] = []

    def add(self, example: Example, found: Classification) -> None:
        """Count a picture; `found` has the scores of all classes."""
        scores = np.zeros(self.count, np.float32)
        scores[found.class_ids] = found.scores
        self.truth.append(presence_of(example, self.count))
        self.scores.append(scores)

    def result(self) -> dict[str, float]:
        """`classification_map`; nothing where no class is known to be present."""
        from sklearn.metrics import average_precision_score

        if not self.truth:
            return {}
        truth, scores = np.stack(self.truth), np.stack(self.scores)
        values = []
        for column in range(self.count):
            known = ~np.isnan(truth[:, column])
            if (truth[known, column] == 1).any():
                values.append(average_precision_score(truth[known, column], scores[known, column]))
        return {"classification_map": round(100 * float(np.mean(values)), 2)} if values else {}


class WayMetrics:
    """How often the action, and whether the way is blocked, are right.

    Args:
        space: says what is drivable.
    """

    def __init__(self, space: LabelSpace) -> None:
        self.drivable = drivable_classes(space)
        self.ways = self.right = self.blocked = 0

    def add(self, example: Example, found: Navigation) -> None:
        """Count a picture, if its mask tells the way."""
        semantic = example.annotation.semantic
        way = None if semantic is None else way_ahead(semantic, self.drivable & example.known.masks)
        if way is None or found.action_scores is None or found.collision is None:
            return
        self.ways += 1
        self.right += ACTIONS[way[0]] == found.actions[int(found.action_scores.argmax())]
        self.blocked += way[1] == (found.collision >= 0.5)

    def result(self) -> dict[str, float]:
        """`action_accuracy` and `collision_accuracy`; nothing where no way is known."""
        if not self.ways:
            return {}
        return {
            "action_accuracy": round(100 * self.right / self.ways, 2),
            "collision_accuracy": round(100 * self.blocked / self.ways, 2),
        }


class Metrics:
    """All metrics of a model in a label space.

    Args:
        space: of the pictures' labels and the model's answers.
    """

    def __init__(self, space: LabelSpace) -> None:
        names, things = space.names, space.things
        self.boxes, self.masks = DetectionMetrics(names, things), MaskMetrics(names)
        self.presence, self.way = PresenceMetrics(len(space)), WayMetrics(space)
        groups = space.coarse_names
        self.coarse = bool(space.groups)
        table = np.array(space.group_ids)
        self.coarse_boxes = DetectionMetrics(groups, things, dict(enumerate(table.tolist())))
        self.coarse_masks = MaskMetrics(groups, table)

    def add(self, example: Example, found: Perception) -> None:
        """Count a picture; its answers have scores from `METRIC_THRESHOLDS` up."""
        if found.detection:
            self.boxes.add(example, found.detection)
            self.coarse_boxes.add(example, found.detection)
        semantic = example.annotation.semantic
        if found.segmentation and semantic is not None:
            self.masks.add(semantic, found.segmentation.mask)
            self.coarse_masks.add(semantic, found.segmentation.mask)
        if found.classification:
            self.presence.add(example, found.classification)
        if found.navigation:
            self.way.add(example, found.navigation)

    def result(self) -> dict[str, float]:
        """Metrics by name, those of single labels as `name/label`; only what could be measured.

        Where the space has coarse groups, they are measured too: `ap50_coarse`, `miou_coarse`.
        """
        found = self.boxes.result() | self.masks.result()
        if self.coarse:
            found |= self.coarse_boxes.result(COARSE) | self.coarse_masks.result(COARSE)
        return found | self.presence.result() | self.way.result()

    def boxes_of_classes_and_groups(self) -> float:
        """AP50 in percent: of classes or, where the space has coarse groups, the mean of theirs and that."""
        found = [self.boxes.result()]
        if self.coarse:
            found.append(self.coarse_boxes.result())
        return sum(each.get("ap50", 0.0) for each in found) / len(found)


def evaluate(
    pictures: Pictures, numbers: Iterable[int], predict: Callable[[np.ndarray], Perception]
) -> dict[str, float]:
    """All metrics of a model whose classes are those of the labels. Pictures are read one at a time.

    Args:
        pictures: the truth.
        numbers: of those to measure on.
        predict: RGB picture (H, W, 3) uint8 → results, with scores from `METRIC_THRESHOLDS` up.

    Returns:
        See `Metrics.result`.
    """
    metrics = Metrics(pictures.space)
    for number in numbers:
        example = read_example(pictures, number)
        metrics.add(example, predict(example.rgb))
    return metrics.result()
