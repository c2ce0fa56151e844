"""Losses are small for the truth, and what is unknown has no gradient in any of them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("torchvision", reason="training needs torchvision: make test installs it")

from vit_perception.training.assign import assign
from vit_perception.training.config import LossWeights
from vit_perception.training.losses import (
    Counts,
    detection_loss,
    known_bce,
    segmentation_loss,
    total_loss,
)
from vit_perception.training.mask_classes import MaskClasses
from vit_perception.training.ragged import Ragged
from vit_perception.training.targets import IGNORE, Batch

GRID = (
    torch.stack(torch.meshgrid(torch.arange(8), torch.arange(8), indexing="xy"), -1).reshape(-1, 2) * 10.0 + 5
)
OBJECT = torch.tensor([[0.0, 0.0, 30.0, 30.0]])
INSIDE = (GRID < 30).all(1)
ALIKE = MaskClasses.of(np.ones(4))
ONE = Counts(1, 1, 1, 1, 1, 1, 1, 1, 0, 1)


def cells(half):
    return torch.cat([GRID - half, GRID + half], dim=1)


def batch(**fields):
    """One picture of which nothing is known, but `fields`."""
    unknown = {
        "pixels": torch.zeros(1, 14, 14, 3, dtype=torch.uint8),
        "mean": torch.zeros(3),
        "std": torch.ones(3),
        "semantic": torch.full((1, 4, 4), 255),
        "known_masks": torch.zeros(1, 4, dtype=torch.bool),
        "boxes": [torch.zeros(0, 4)],
        "columns": [torch.zeros(0, dtype=torch.long)],
        "scores": [torch.zeros(0)],
        "known_boxes": torch.zeros(1, 3, dtype=torch.bool),
        "ignored_boxes": [torch.zeros(0, 4)],
        "ignored_columns": [torch.zeros(0, dtype=torch.long)],
        "present": torch.full((1, 4), float("nan")),
        "action": torch.full((1,), IGNORE),
        "blocked": torch.full((1,), float("nan")),
    }
    ragged = ("boxes", "columns", "scores", "ignored_boxes", "ignored_columns")
    made = unknown | fields
    return Batch(**made | {name: Ragged.of([each.numpy() for each in made[name]]) for name in ragged})


def with_object(column=1, score=1.0, **fields):
    return batch(boxes=[OBJECT], columns=[torch.tensor([column])], scores=[torch.tensor([score])], **fields)


ALL_BOXES = {"known_boxes": torch.ones(1, 3, dtype=torch.bool)}


def random_outputs(seed=0):
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(shape, generator=generator).requires_grad_()

    return {
        "detection_boxes": cells(5.0)[None].requires_grad_(),
        "detection_scores": random(1, 64, 3),
        "detection_centres": GRID,
        "segmentation": random(1, 4, 4, 4),
        "classification": random(1, 4),
        "classification_distilled": random(1, 4),
        "navigation_action": random(1, 4),
        "navigation_collision": random(1, 1),
        "navigation_goal_distance": random(1, 1),
    }


def gradients(labels):
    """Name of output → its gradient under the whole loss."""
    outputs = random_outputs()
    counts = Counts.of([labels], ALIKE)
    loss, _ = total_loss(outputs, labels, ALIKE, counts, LossWeights())
    loss.backward()
    return {
        name: torch.zeros_like(value) if value.grad is None else value.grad for name, value in outputs.items()
    }


def test_of_an_unknown_picture_nothing_has_a_gradient():
    for name, gradient in gradients(batch()).items():
        assert (gradient == 0).all(), name


def test_a_thing_that_is_not_labelled_has_no_gradient_in_any_cell():
    known = torch.tensor([[True, False, True]])
    gradient = gradients(batch(known_boxes=known))["detection_scores"][0]
    assert (gradient[:, 1] == 0).all()
    assert (gradient[:, [0, 2]] > 0).all(), "the others are absent"


def test_a_box_of_a_class_that_is_not_always_labelled_teaches_where_it_is():
    gradient = gradients(with_object(column=1))
    scores = gradient["detection_scores"][0]
    assert (scores[:, [0, 2]] == 0).all()
    assert (scores[~INSIDE, 1] == 0).all()
    assert (scores[INSIDE, 1] != 0).any()
    assert (gradient["detection_boxes"] != 0).any()


@pytest.mark.parametrize("column", [-1, 2])
def test_an_ignored_box_is_neither_object_nor_background(column):
    ignored = {"ignored_boxes": [OBJECT], "ignored_columns": [torch.tensor([column])]}
    gradient = gradients(batch(**ALL_BOXES, **ignored))
    scores = gradient["detection_scores"][0]
    columns = [0, 1, 2] if column < 0 else [column]
    assert (scores[INSIDE][:, columns] == 0).all()
    others = [c for c in range(3) if c not in columns]
    assert (scores[INSIDE][:, others] > 0).all()
    assert (scores[~INSIDE] > 0).all(), "elsewhere it is background"
    assert (gradient["detection_boxes"] == 0).all()


def test_an_object_in_an_ignored_box_is_still_an_object():
    ignored = {"ignored_boxes": [OBJECT], "ignored_columns": [torch.tensor([-1])]}
    scores = gradients(with_object(**ALL_BOXES, **ignored))["detection_scores"][0]
    assert (scores[INSIDE, 1] != 0).any()
    assert (scores[INSIDE][:, [0, 2]] == 0).all()


def test_the_labellers_doubt_lowers_target_and_gradient():
    sure, unsure = (gradients(with_object(score=score, **ALL_BOXES)) for score in (1.0, 0.5))
    assert unsure["detection_boxes"].abs().sum() < 0.6 * sure["detection_boxes"].abs().sum()
    right = torch.full((1, 64, 3), -6.0)
    right[0, INSIDE, 1] = 0.0
    boxes = torch.where(INSIDE[:, None], OBJECT, cells(5.0))[None]
    at = {
        score: float(detection_loss(boxes, right, GRID, with_object(score=score, **ALL_BOXES), 1.0)["scores"])
        for score in (1.0, 0.5)
    }
    assert at[0.5] < at[1.0], "a score of one half is right where the labeller was half sure"


def test_pixels_without_a_label_and_logits_of_unknown_classes_have_no_gradient():
    truth = torch.full((1, 4, 4), 255)
    truth[0, :2], truth[0, 2] = 0, 2
    known = torch.tensor([[True, False, True, False]])
    gradient = gradients(batch(semantic=truth, known_masks=known))["segmentation"][0]
    assert (gradient[[1, 3]] == 0).all()
    assert (gradient[:, 3] == 0).all()
    assert (gradient[[0, 2], :3] != 0).all()


def test_unknown_presence_and_an_unknown_way_have_no_gradient():
    nan = float("nan")
    gradient = gradients(batch(present=torch.tensor([[1.0, nan, 0.0, nan]])))
    for name in ("classification", "classification_distilled"):
        assert (gradient[name][0, [1, 3]] == 0).all()
        assert (gradient[name][0, [0, 2]] != 0).all()
    assert all((value == 0).all() for name, value in gradient.items() if "classification" not in name)
    way = gradients(batch(action=torch.tensor([2]), blocked=torch.tensor([1.0])))
    assert (way["navigation_action"] != 0).all()
    assert (way["navigation_collision"] != 0).all()


def test_a_part_whose_weight_is_zero_has_no_gradient():
    outputs, labels = random_outputs(), batch(present=torch.ones(1, 4))
    loss, _ = total_loss(outputs, labels, ALIKE, ONE, LossWeights(present=0.0))
    loss.backward()
    assert (outputs["classification"].grad == 0).all()
    assert (outputs["classification_distilled"].grad != 0).all()


def test_objects_get_cells_inside_them_and_overlap_decides():
    truth = torch.tensor([[0.0, 0.0, 30.0, 30.0], [50.0, 50.0, 70.0, 70.0]])
    boxes = cells(5.0)
    boxes[9] = truth[0]  # the cell at (15, 15) already answers the first object exactly
    owner, soft = assign(torch.full((64, 3), 0.5), boxes, GRID, truth, torch.tensor([1, 2]))
    assert set(owner[INSIDE].tolist()) <= {0, -1}
    assert (owner[~INSIDE] != 0).all()
    assert set(GRID[owner == 1].flatten().tolist()) == {55.0, 65.0}
    assert owner[9] == 0
    assert soft[9] == pytest.approx(1.0)
    assert (soft[owner < 0] == 0).all()


def test_object_smaller_than_a_cell_is_not_lost():
    truth = torch.tensor([[21.0, 21.0, 23.0, 23.0]])
    owner, _ = assign(torch.full((64, 1), 0.5), cells(5.0), GRID, truth, torch.tensor([0]))
    assert GRID[owner == 0].tolist() == [[25.0, 25.0]]


def test_right_answer_costs_less_than_any_wrong_one():
    right_boxes = torch.where(INSIDE[:, None], OBJECT, cells(5.0))[None]
    right_scores = torch.full((1, 64, 3), -6.0)
    right_scores[0, INSIDE, 1] = 6.0
    labels = with_object(**ALL_BOXES)

    def cost(boxes, scores):
        return float(sum(detection_loss(boxes, scores, GRID, labels, 1.0).values()))

    good = cost(right_boxes, right_scores)
    assert good < cost(cells(5.0)[None], right_scores)
    assert good < cost(right_boxes, right_scores.roll(1, dims=2))
    assert good < cost(right_boxes, torch.full((1, 64, 3), 0.0))


def test_picture_without_objects_teaches_silence():
    loud, still = (
        detection_loss(cells(5.0)[None], torch.full((1, 64, 3), logit), GRID, batch(**ALL_BOXES), 1.0)
        for logit in (3.0, -6.0)
    )
    assert loud["scores"] > still["scores"]
    assert loud["boxes"] == 0


def test_mask_loss_is_small_for_the_truth():
    truth = torch.randint(0, 3, (2, 6, 6))
    truth[0, 0] = 255
    labels = batch(semantic=truth, present=torch.ones(2, 3), action=torch.tensor([IGNORE] * 2))
    counts, known = Counts.of([labels], MaskClasses.of(np.ones(3))), torch.ones(2, 3, dtype=torch.bool)
    logits = torch.nn.functional.one_hot(truth.clamp(max=2), 3).permute(0, 3, 1, 2) * 20.0
    good, bad = (
        segmentation_loss(sign * logits, truth, known, MaskClasses.of(np.ones(3)), counts)
        for sign in (1.0, -1.0)
    )
    assert good["mask"] < 1e-3 < bad["mask"]
    assert good["dice"] < 0.05 < bad["dice"]


def test_a_mask_that_is_right_but_for_the_kind_loses_nothing_of_its_groups():
    """Classes 0 and 1 are one group, 2 is another."""
    classes = MaskClasses.of(np.ones(3), (0, 0, 1))
    truth = torch.zeros(1, 4, 4, dtype=torch.int64)
    truth[0, 0] = 255
    counts, known = Counts.of([batch(semantic=truth)], classes), torch.ones(1, 3, dtype=torch.bool)
    answers = [torch.full((1, 4, 4), answer) for answer in (1, 2)]
    kind, wrong = (
        segmentation_loss(torch.eye(3)[answer].permute(0, 3, 1, 2) * 20, truth, known, classes, counts)
        for answer in answers
    )
    assert kind["mask"] > 10
    assert kind["mask_groups"] < 1e-3
    assert wrong["mask_groups"] > 10


def test_without_groups_there_is_no_loss_of_them():
    truth = torch.zeros(1, 4, 4, dtype=torch.int64)
    counts = Counts.of([batch(semantic=truth)], ALIKE)
    parts = segmentation_loss(
        torch.zeros(1, 4, 4, 4), truth, torch.ones(1, 4, dtype=torch.bool), ALIKE, counts
    )
    assert "mask_groups" not in parts


def test_boxes_and_dense_labels_count_by_their_share_of_the_pictures():
    counts = Counts(2, 1, 1, 1, 1, 1, dense=30.0, boxed=1, densely_boxed=9, pictures=10)
    of_boxes, of_dense = counts.divisors()
    assert of_boxes == pytest.approx(20)
    assert of_dense == pytest.approx(30 / 0.9)
    assert ONE.divisors()[0] == 1.0


def test_known_bce_skips_nan():
    logits = torch.tensor([[4.0, 100.0]])
    assert known_bce(logits, torch.tensor([[1.0, float("nan")]]), 1.0) < 0.02


def test_a_rare_class_weighs_more_but_not_without_limit():
    weights = MaskClasses.of(np.array([1e6, 1e5, 0.0])).weights
    assert weights[0] < weights[1] < weights[2] <= 8 * 3 / 2
    assert weights.mean() == pytest.approx(1.0)
