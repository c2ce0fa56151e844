"""The report of a training: what is taken for what, and which pictures are the worst."""

from __future__ import annotations

import csv

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: make test installs it")

from training.small_dataset import BALL, BOX, FLOOR, SPACE, WALL, SmallDataset
from training.small_dataset import known as known_of
from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.runtime.results import UNLABELLED, Detection, Perception, Segmentation
from vit_perception.training.boxes import pair_boxes
from vit_perception.training.confusion import Confusion, count_pairs, share_wrong
from vit_perception.training.examples import Example
from vit_perception.training.report import write_report
from vit_perception.viz.confusion import draw_confusion
from vit_perception.viz.pictures import read_picture

BOXES = np.array([[10, 10, 50, 50], [60, 20, 90, 80]], np.float32)


def found(boxes, class_ids):
    scores = np.linspace(0.9, 0.5, len(class_ids)).astype(np.float32)
    return Detection(np.asarray(boxes, np.float32).reshape(-1, 4), np.array(class_ids, np.int64), scores)


def pairs(answer, known=(BOX, BALL), **fields):
    annotation = Annotation(**{"boxes": BOXES, "class_ids": np.array([BOX, BALL]), **fields})
    example = Example(np.zeros((100, 100, 3), np.uint8), annotation, known_of(set(known), set()))
    return sorted(zip(*(ids.tolist() for ids in pair_boxes(answer, example, SPACE.things)), strict=True))


def test_boxes_are_right_confused_missed_or_false():
    assert pairs(found(BOXES, [BOX, BALL])) == [(BOX, BOX), (BALL, BALL)]
    assert pairs(found(BOXES, [BALL, BALL])) == [(BOX, BALL), (BALL, BALL)]
    assert pairs(found(BOXES[:1], [BOX])) == [(BOX, BOX), (BALL, -1)]
    assert pairs(found([*BOXES, [0, 60, 20, 90]], [BOX, BALL, BOX])) == [(-1, BOX), (BOX, BOX), (BALL, BALL)]
    assert pairs(found([], [])) == [(BOX, -1), (BALL, -1)]


def test_the_right_class_comes_before_a_better_score():
    assert pairs(found(BOXES[[0, 0, 1]], [BALL, BOX, BALL])) == [(-1, BALL), (BOX, BOX), (BALL, BALL)]


def test_what_cannot_be_judged_is_in_no_pair():
    assert pairs(found(BOXES, [BALL, BALL]), known=(BOX,)) == [(BOX, -1)]
    truth = {"boxes": BOXES[:1], "class_ids": np.array([BOX])}
    ignored = {"ignored_boxes": BOXES[1:], "ignored_ids": np.array([-1])}
    assert pairs(found(BOXES, [BOX, BALL]), **truth) == [(-1, BALL), (BOX, BOX)]
    assert pairs(found(BOXES, [BOX, BALL]), **truth, **ignored) == [(BOX, BOX)]


def test_pairs_are_counted_by_true_class_and_answer():
    counts = count_pairs(np.array([0, 0, 1, -1]), np.array([0, 1, -1, 1]), 2)
    assert counts.tolist() == [[1, 1, 0], [0, 0, 1], [0, 1, 0]]
    assert share_wrong(counts) == 0.75
    assert share_wrong(np.zeros((3, 3))) is None
    assert count_pairs(np.array([0]), np.array([UNLABELLED]), 2)[0].tolist() == [0, 0, 1]


def test_many_classes_become_groups_and_then_the_commonest():
    space = LabelSpace(tuple(Label(f"c{place}", coarse=f"g{place // 2}") for place in range(8)))
    counts = np.zeros((9, 9), np.int64)
    counts[np.arange(8), np.arange(8)] = np.arange(8)  # c0 is nowhere
    counts[3, 2], counts[3, 8], counts[8, 7] = 5, 2, 4
    table = Confusion(space.names, counts)
    assert table.readable(space, 7).names == space.names[1:]
    groups = table.readable(space, 4)
    assert groups.names == ("g0", "g1", "g2", "g3")
    assert groups.counts[1].tolist() == [0, 2 + 3 + 5, 0, 0, 2], "within a group nothing is wrong"
    few = table.readable(space, 3)
    assert few.names == ("others", "g1", "g3")
    assert few.counts[-1].tolist() == [0, 0, 4, 0]
    assert few.counts.sum() == counts.sum()


def test_a_matrix_is_drawn_with_its_diagonal_in_green():
    counts = np.array([[8, 2, 0], [0, 0, 5]])
    picture = draw_confusion("Boxes", ("box", "ball"), ("box", "ball", "missed"), counts)
    shades = picture.reshape(-1, 3).astype(int)
    red, green = shades[:, 0], shades[:, 1]
    assert (green > red + 60).sum() > 500, "right"
    assert (red > green + 60).sum() > 500, "missed"
    without = draw_confusion("Boxes", ("box", "ball"), ("box", "ball", "missed"), counts * 0)
    assert without.shape == picture.shape
    assert (np.ptp(without.reshape(-1, 3).astype(int), axis=1) < 40).all()


class Answers:
    """The truth, but that all of one picture is wrong, and of some others the boxes."""

    def __init__(self, dataset, wrong, wrong_boxes=()):
        self.dataset, self.wrong, self.wrong_boxes = dataset, wrong, wrong_boxes

    def __call__(self, rgb):
        index = next(i for i in range(len(self.dataset)) if (self.dataset.picture(i) == rgb).all())
        truth, swap, stay = self.dataset.annotation(index), np.array([BALL, BOX, WALL, FLOOR]), np.arange(4)
        boxes = swap if index == self.wrong or index in self.wrong_boxes else stay
        masks = np.append(swap if index == self.wrong else stay, [UNLABELLED] * 252).astype(np.uint8)
        mask = masks[truth.semantic]
        return Perception(
            rgb.shape[:2],
            detection=found(truth.boxes, boxes[truth.class_ids]),
            segmentation=Segmentation(mask, np.zeros_like(mask)),
        )


def table(path):
    with path.open() as file:
        head, *rows = csv.reader(file)
    return head, {row[0]: [int(value) for value in row[1:]] for row in rows}


def test_the_report_has_two_matrices_and_the_worst_pictures(tmp_path):
    dataset = SmallDataset(20)
    write_report(tmp_path, dataset, range(20), Answers(dataset, 7))
    truth = dataset.annotation(7)
    head, boxes = table(tmp_path / "confusion_boxes.csv")
    assert head == ["truth", "box", "ball", "missed"]
    objects = [dataset.annotation(index).class_ids for index in range(20)]
    assert sum(boxes["box"]) == sum((ids == BOX).sum() for ids in objects)
    assert boxes["box"][1] == (truth.class_ids == BOX).sum()
    _, pixels = table(tmp_path / "confusion_masks.csv")
    assert pixels["floor"][WALL] == (truth.semantic == FLOOR).sum()
    assert pixels["floor"][-1] == 0


def test_the_worst_pictures_come_first(tmp_path):
    dataset = SmallDataset(20)

    def sheet(wrong, wrong_boxes=()):
        write_report(tmp_path, dataset, range(20), Answers(dataset, wrong, wrong_boxes))
        return read_picture(tmp_path / "worst.png")

    one, many = sheet(7), sheet(7, range(4, 20))
    height, width = one.shape[:2]
    np.testing.assert_array_equal(many[: height - 16, : width - 16], one[:-16, :-16])
    assert many.shape[0] == 8 * (height - 16) + 16, "sixteen of seventeen, two in a row"
    (tmp_path / "worst.png").unlink()
    write_report(tmp_path, dataset, range(20), Answers(dataset, None))
    assert not (tmp_path / "worst.png").exists(), "nothing is wrong"


def test_what_is_not_labelled_has_no_file(tmp_path):
    dataset = SmallDataset(3, known_of({BOX, BALL}, set()), without=("semantic", "instances"))
    write_report(tmp_path, dataset, range(3), Answers(SmallDataset(3), 1))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "confusion_boxes.csv",
        "confusion_boxes.png",
        "worst.png",
    ]
    write_report(tmp_path / "none", dataset, range(3), lambda rgb: Perception(rgb.shape[:2]))
    assert list((tmp_path / "none").iterdir()) == []
