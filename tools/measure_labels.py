"""Compare labels of teachers with labels of people, picture by picture: two datasets, matched by name.

python tools/measure_labels.py LABELLED TRUE
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.joined import JoinedDataset
from vit_perception.data.labelling.fusion import box_overlap
from vit_perception.data.open import open_dataset
from vit_perception.runtime.results import UNLABELLED

# A box is right if it overlaps one of people by so much.
_IOU = 0.5


class BoxFigures:
    """Precision and recall of boxes, and how many missed ones an ignored box covers."""

    def __init__(self) -> None:
        self.right = self.wrong = self.true = self.ignored = 0

    def add(self, found: Annotation, true: Annotation) -> None:
        """Compare a picture. Boxes take the box of people that they overlap most, the highest score first."""
        assert found.scores is not None
        overlap, _ = box_overlap(found.boxes, true.boxes)
        overlap[found.class_ids[:, None] != true.class_ids[None]] = 0
        free = np.ones(len(true.boxes), bool)
        for place in np.argsort(-found.scores, kind="stable"):
            best = np.where(free, overlap[place], 0)
            if len(best) and best.max() >= _IOU:
                free[best.argmax()] = False
                self.right += 1
            else:
                self.wrong += 1
        doubt, _ = box_overlap(found.ignored_boxes, true.boxes)
        doubt[found.ignored_ids[:, None] != true.class_ids[None]] = 0
        self.ignored += int((free & (doubt >= _IOU).any(axis=0)).sum())
        self.true += len(true.boxes)

    def __str__(self) -> str:
        true, found = max(self.true, 1), max(self.right + self.wrong, 1)
        return (
            f"boxes  precision {self.right / found:.3f}  recall {self.right / true:.3f}  "
            f"ignored {self.ignored / true:.3f}  of {self.true} boxes of people"
        )


class MaskFigures:
    """How much of the pixels that people labelled is labelled, and how much of that is right.

    Args:
        groups: of each class of the label space.
    """

    def __init__(self, groups: list[str]) -> None:
        self.names = sorted(set(groups))
        self._group = np.full(256, len(self.names))
        self._group[: len(groups)] = [self.names.index(group) for group in groups]
        self.counts = np.zeros((len(self.names), len(self.names) + 1))

    def add(self, found: np.ndarray, true: np.ndarray) -> None:
        """Compare a picture: (H, W) uint8 class ids both."""
        known = true != UNLABELLED
        pairs = self._group[true[known]] * self.counts.shape[1] + self._group[found[known]]
        self.counts += np.bincount(pairs, minlength=self.counts.size).reshape(self.counts.shape)

    def __str__(self) -> str:
        labelled = self.counts[:, :-1]
        right = np.diag(labelled)
        there = self.counts.sum(axis=1) > 0
        strict = (right / np.maximum(self.counts.sum(axis=1) + labelled.sum(axis=0) - right, 1))[there]
        kind = (right / np.maximum(labelled.sum(axis=1) + labelled.sum(axis=0) - right, 1))[there]
        return (
            f"masks  labelled {labelled.sum() / self.counts.sum():.3f}  "
            f"right {right.sum() / labelled.sum():.3f}  mIoU of {there.sum()} groups {kind.mean():.3f}, "
            f"{strict.mean():.3f} with what is unlabelled as wrong"
        )


def average_precision(found: dict[str, Annotation], true: dict[str, Annotation]) -> float:
    """COCO's AP50 over all classes, by pycocotools."""
    from contextlib import redirect_stdout
    from io import StringIO

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def entries(annotations: dict[str, Annotation]) -> list[dict[str, object]]:
        listed: list[dict[str, object]] = []
        for image_id, name in enumerate(true):
            one = annotations[name]
            assert one.scores is not None
            for box, class_id, score in zip(one.boxes, one.class_ids, one.scores, strict=True):
                left, top, right, bottom = map(float, box)
                size = [right - left, bottom - top]
                listed.append(
                    {
                        "id": len(listed) + 1, "image_id": image_id, "category_id": int(class_id),
                        "bbox": [left, top, *size], "area": size[0] * size[1], "iscrowd": 0,
                        "score": float(score),
                    }
                )  # fmt: skip
        return listed

    with redirect_stdout(StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": image_id} for image_id in range(len(true))],
            "annotations": entries(true),
            "categories": [{"id": class_id} for class_id in range(UNLABELLED)],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(entries(found)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[1])


def measure(labelled: Path, truth: Path) -> list[str]:
    """Lines with figures.

    Args:
        labelled: a dataset of `vit-perception label`.
        truth: a dataset with the same pictures, of the same names or in another folder.

    Raises:
        ValueError: they have no picture in common.
    """
    ours = open_dataset(labelled)
    theirs = JoinedDataset([open_dataset(truth)], ours.space)
    places = {Path(theirs.name(index)).name: index for index in range(len(theirs))}
    boxes, masks = BoxFigures(), MaskFigures([label.coarse for label in ours.space.labels])
    found, true = {}, {}
    for index in range(len(ours)):
        name = Path(ours.name(index)).name
        if name in places:
            found[name], true[name] = ours.annotation(index), theirs.annotation(places[name])
            boxes.add(found[name], true[name])
            semantic, right = found[name].semantic, true[name].semantic
            if semantic is not None and right is not None:
                masks.add(semantic, right)
    if not found:
        raise ValueError(f"{labelled} and {truth} have no picture of the same name")
    lines = [f"{len(found)} pictures", str(boxes)]
    if boxes.right:
        lines.append(f"boxes  AP50 {100 * average_precision(found, true):.1f}")
    return [*lines, str(masks)] if masks.counts.any() else lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labelled", type=Path, help="a dataset of vit-perception label")
    parser.add_argument("truth", type=Path, help="a dataset of the same pictures, labelled by people")
    options = parser.parse_args()
    print("\n".join(measure(options.labelled, options.truth)))


if __name__ == "__main__":
    main()
