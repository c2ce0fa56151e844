"""Metrics give full marks for the truth, and count only what the labels know."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("pycocotools", reason="average precision needs pycocotools: make test installs it")
pytest.importorskip("sklearn", reason="presence needs scikit-learn: make test installs it")

from training.small_dataset import BALL, BOX, EVERYTHING, FLOOR, SPACE, WALL, SmallDataset
from training.small_dataset import known as known_of
from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.runtime.results import (
    UNLABELLED,
    Classification,
    Detection,
    Navigation,
    Perception,
    Segmentation,
)
from vit_perception.training.detection_metrics import DetectionMetrics
from vit_perception.training.examples import Example
from vit_perception.training.mask_metrics import MaskMetrics
from vit_perception.training.metrics import Metrics, PresenceMetrics, evaluate
from vit_perception.training.targets import ACTIONS

BOXES = np.array([[10, 10, 50, 50], [60, 20, 90, 80]], np.float32)
SEMANTIC = np.full((100, 100), FLOOR, np.uint8)
SEMANTIC[:30], SEMANTIC[:10] = UNLABELLED, WALL


def example(known=EVERYTHING, **fields):
    annotation = Annotation(**{"boxes": BOXES, "class_ids": np.array([BOX, BALL]), **fields})
    return Example(np.zeros((100, 100, 3), np.uint8), annotation, known)


def found(boxes, class_ids):
    scores = np.linspace(0.9, 0.5, len(class_ids)).astype(np.float32)
    return Detection(np.asarray(boxes, np.float32).reshape(-1, 4), np.array(class_ids, np.int64), scores)


def average_precision(truth, answer):
    metrics = DetectionMetrics(SPACE.names, SPACE.things)
    metrics.add(truth, answer)
    return metrics.result()


def test_average_precision_of_truth_shift_and_nothing():
    assert average_precision(example(), found(BOXES, [BOX, BALL]))["ap50"] == 100
    shifted = average_precision(example(), found(BOXES + 4, [BOX, BALL]))
    assert shifted["ap50"] == 100
    assert shifted["ap"] < 100
    assert average_precision(example(), found(BOXES, [BALL, BOX]))["ap50"] == 0
    half = average_precision(example(), found(BOXES[:1], [BOX]))
    assert (half["ap50"], half["ap50/box"], half["ap50/ball"]) == (50, 100, 0)
    assert average_precision(example(), found([], []))["ap50"] == 0
    nothing = known_of(set(), set())
    assert average_precision(example(nothing), found(BOXES, [BOX, BALL])) == {}


def test_an_answer_of_an_unknown_class_is_neither_right_nor_wrong():
    only_boxes = example(known_of({BOX}, set()), boxes=BOXES[1:], class_ids=np.array([BOX]))
    noisy = found(np.concatenate([BOXES[:1], BOXES[1:]]), [BALL, BOX])
    assert average_precision(only_boxes, noisy) == {"ap50": 100, "ap": 100, "ap50/box": 100}


@pytest.mark.parametrize("ignored", [BOX, -1])
def test_what_an_ignored_box_covers_is_neither_right_nor_wrong(ignored):
    answer = found(BOXES[[1, 0]], [BOX, BOX])
    fields = {"boxes": BOXES[:1], "class_ids": np.array([BOX])}
    assert average_precision(example(**fields), answer)["ap50/box"] == 50
    fields |= {"ignored_boxes": BOXES[1:], "ignored_ids": np.array([ignored])}
    assert average_precision(example(**fields), answer)["ap50/box"] == 100


def mask_scores(answer):
    metrics = MaskMetrics(SPACE.names)
    metrics.add(SEMANTIC, answer)
    return metrics.result()


def test_mask_scores_ignore_the_unlabelled():
    perfect = mask_scores(np.where(SEMANTIC == UNLABELLED, BALL, SEMANTIC).astype(np.uint8))
    assert perfect["pixel_accuracy"] == 100
    assert perfect["iou/floor"] == perfect["iou/wall"] == perfect["miou"] == 100
    ground = mask_scores(np.full_like(SEMANTIC, FLOOR))
    assert ground["pixel_accuracy"] == pytest.approx(87.5)
    assert ground["miou"] == pytest.approx((87.5 + 0) / 2)
    assert mask_scores(np.full_like(SEMANTIC, UNLABELLED))["pixel_accuracy"] == 0
    assert MaskMetrics(SPACE.names).result() == {}


def test_coarse_groups_forgive_a_mistake_within_a_group():
    space = LabelSpace(
        tuple(dataclasses.replace(label, coarse="toy" if label.thing else "") for label in SPACE.labels)
    )
    metrics = Metrics(space)
    metrics.add(
        example(semantic=SEMANTIC),
        Perception(
            (100, 100),
            detection=found(BOXES, [BALL, BOX]),
            segmentation=Segmentation(SEMANTIC, np.zeros_like(SEMANTIC)),
        ),
    )
    scores = metrics.result()
    assert (scores["ap50"], scores["ap50_coarse"], scores["ap50_coarse/toy"]) == (0, 100, 100)
    assert scores["miou_coarse"] == scores["miou"] == 100
    assert "ap50_coarse" not in Metrics(LabelSpace((Label("a"), Label("b")))).result()


def test_boxes_of_classes_and_groups_count_alike():
    toys = LabelSpace(
        tuple(dataclasses.replace(label, coarse="toy" if label.thing else "") for label in SPACE.labels)
    )

    def score(space, answer):
        metrics = Metrics(space)
        metrics.add(example(), Perception((100, 100), detection=answer))
        return metrics.boxes_of_classes_and_groups()

    one_right, all_toys = found(BOXES[:1], [BOX]), found(BOXES, [BALL, BOX])
    without_groups = LabelSpace(tuple(dataclasses.replace(label, coarse="") for label in SPACE.labels))
    assert score(without_groups, one_right) == 50
    assert score(without_groups, all_toys) == 0
    # Half of the toys are found, then all of them, though under wrong names.
    assert score(toys, one_right) == pytest.approx((50 + 50) / 2, abs=1)
    assert score(toys, all_toys) == (0 + 100) / 2


def test_presence_counts_only_what_is_known():
    metrics = PresenceMetrics(4)
    known = known_of({BOX, BALL}, set())
    scores = np.array([0.9, 0.1, 0.95, 0.0], np.float32)
    for class_id, order in ((BOX, [0, 1, 2, 3]), (BALL, [1, 0, 2, 3])):
        one = example(known, boxes=BOXES[:1], class_ids=np.array([class_id]))
        metrics.add(one, Classification(np.arange(4), scores[order]))
    assert metrics.result() == {"classification_map": 100}


def test_evaluate_gives_full_marks_for_the_truth():
    dataset = SmallDataset()

    def answer(rgb):
        index = next(i for i in range(12) if (dataset.picture(i) == rgb).all())
        truth = dataset.annotation(index)
        scores = np.zeros(4, np.float32)
        scores[[*truth.class_ids, FLOOR, WALL]] = 1.0
        actions = np.zeros(len(ACTIONS), np.float32)
        from vit_perception.training.targets import way_ahead

        way = way_ahead(truth.semantic, {FLOOR}) or (0, False)
        actions[way[0]] = 1.0
        return Perception(
            rgb.shape[:2],
            Classification(np.arange(4), scores),
            found(truth.boxes, truth.class_ids),
            Segmentation(truth.semantic, np.zeros_like(truth.semantic)),
            Navigation(ACTIONS, actions, collision=float(way[1])),
        )

    marks = evaluate(dataset, range(12), answer)
    names = ("ap50", "miou", "pixel_accuracy", "classification_map", "action_accuracy", "collision_accuracy")
    assert {name: marks[name] for name in names} == dict.fromkeys(names, 100)
