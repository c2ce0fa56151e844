import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("pycocotools", reason="average precision needs pycocotools: make test installs it")
pytest.importorskip("sklearn", reason="presence needs scikit-learn: make test installs it")

from vit_perception.data.classes import ACTIONS, GROUND, LABELS
from vit_perception.data.coco import Photograph
from vit_perception.runtime.results import (
    UNLABELLED,
    Classification,
    Detection,
    Navigation,
    Perception,
    Segmentation,
)
from vit_perception.training.metrics import average_precision, evaluate, mask_scores

BOXES = np.array([[10, 10, 50, 50], [60, 20, 90, 80]], np.float32)


def photograph():
    semantic = np.full((100, 100), GROUND, np.uint8)
    semantic[:30] = UNLABELLED
    semantic[:10] = LABELS.index("sky")
    return Photograph("p", np.zeros((100, 100, 3), np.uint8), semantic, BOXES, np.array([0, 2]), True, ())


def found(boxes, class_ids):
    scores = np.linspace(0.9, 0.5, len(class_ids)).astype(np.float32)
    return Detection(np.asarray(boxes, np.float32).reshape(-1, 4), np.array(class_ids, np.int64), scores)


def test_average_precision_of_truth_shift_and_nothing():
    assert average_precision([photograph()], [found(BOXES, [0, 2])])["ap50"] == 100
    shifted = average_precision([photograph()], [found(BOXES + 4, [0, 2])])
    assert shifted["ap50"] == 100
    assert shifted["ap"] < 100
    assert average_precision([photograph()], [found(BOXES, [2, 0])])["ap50"] == 0
    half = average_precision([photograph()], [found(BOXES[:1], [0])])
    assert (half["ap50"], half["ap50/person"], half["ap50/animal"]) == (50, 100, 0)
    assert average_precision([photograph()], [found([], [])])["ap50"] == 0


def test_mask_scores_ignore_the_unlabelled():
    truth = photograph().semantic
    perfect = mask_scores([photograph()], [np.where(truth == UNLABELLED, 3, truth)])
    assert perfect["pixel_accuracy"] == 100
    assert perfect["iou/ground"] == perfect["iou/sky"] == perfect["miou"] == 100
    ground = mask_scores([photograph()], [np.full_like(truth, GROUND)])
    assert ground["pixel_accuracy"] == pytest.approx(87.5)
    assert ground["miou"] == pytest.approx((87.5 + 0) / 2)
    unlabelled = mask_scores([photograph()], [np.full_like(truth, UNLABELLED)])
    assert unlabelled["pixel_accuracy"] == 0


def test_evaluate_gives_full_marks_for_the_truth():
    truth = photograph()
    scores = np.zeros(len(LABELS), np.float32)
    scores[[0, 2, GROUND, LABELS.index("sky")]] = 1.0
    actions = np.zeros(len(ACTIONS), np.float32)
    actions[ACTIONS.index("forward")] = 1.0
    answer = Perception(
        (100, 100),
        Classification(np.arange(len(LABELS)), scores),
        found(BOXES, [0, 2]),
        Segmentation(truth.semantic, np.zeros_like(truth.semantic)),
        Navigation(ACTIONS, actions, collision=0.1),
    )
    marks = evaluate([truth], lambda rgb: answer)
    names = ("ap50", "miou", "pixel_accuracy", "classification_map", "action_accuracy", "collision_accuracy")
    assert {name: marks[name] for name in names} == dict.fromkeys(names, 100)
