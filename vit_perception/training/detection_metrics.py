"""COCO's average precision of boxes, where some classes are unknown in some pictures."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vit_perception.runtime.results import Detection
from vit_perception.training.examples import Example


class DetectionMetrics:
    """Average precision (pycocotools), gathered picture by picture.

    Of a class that the boxes of a picture do not know, neither objects nor answers count there. What an
    ignored box covers is neither right nor wrong.

    Args:
        names: name by class id.
        things: class ids that have boxes.
        groups: class id → class id under which it counts; for coarse groups.
    """

    def __init__(
        self, names: Sequence[str], things: Sequence[int], groups: Mapping[int, int] | None = None
    ) -> None:
        self.names, self.things, self.groups = names, things, groups
        self.categories = sorted({self._group(class_id) for class_id in things})
        self.pictures = 0
        self.annotations: list[dict[str, Any]] = []
        self.results: list[dict[str, Any]] = []

    def _group(self, class_id: int) -> int:
        return class_id if self.groups is None else self.groups[class_id]

    def add(self, example: Example, found: Detection) -> None:
        """Count a picture.

        Args:
            example: the truth.
            found: the answer in its pixels, with scores from `metrics.LOWEST_SCORE` up.
        """
        known = example.known.boxes.intersection(self.things)
        if not known:
            return
        self.pictures += 1
        annotation = example.annotation
        for box, class_id in zip(annotation.boxes.tolist(), annotation.class_ids.tolist(), strict=True):
            if class_id in known:
                self._annotate(box, self._group(class_id), crowd=False)
        for box, class_id in zip(
            annotation.ignored_boxes.tolist(), annotation.ignored_ids.tolist(), strict=True
        ):
            every = self.categories if class_id < 0 else [self._group(class_id)]
            for category in every if class_id < 0 or class_id in known else ():
                self._annotate(box, category, crowd=True)
        for box, class_id, score in zip(
            found.boxes.tolist(), found.class_ids.tolist(), found.scores.tolist(), strict=True
        ):
            if class_id in known:
                self.results.append(
                    {
                        "image_id": self.pictures,
                        "category_id": self._group(class_id),
                        "bbox": _corner_and_size(box),
                        "score": score,
                    }
                )

    def _annotate(self, box: list[float], category: int, crowd: bool) -> None:
        place = _corner_and_size(box)
        self.annotations.append(
            {
                "id": len(self.annotations) + 1,
                "image_id": self.pictures,
                "category_id": category,
                "bbox": place,
                "area": place[2] * place[3],
                "iscrowd": int(crowd),
            }
        )

    def result(self, suffix: str = "") -> dict[str, float]:
        """`ap50`, `ap` (mean over IoU 0.50 to 0.95), and `ap50/<label>` of each that is there, in percent.

        Args:
            suffix: added to the names.

        Returns:
            The metrics; none where there is no object to find.
        """
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        there = {each["category_id"] for each in self.annotations if not each["iscrowd"]}
        if not there:
            return {}
        by_label = {f"ap50{suffix}/{self.names[category]}": 0.0 for category in sorted(there)}
        if not self.results:
            return {f"ap50{suffix}": 0.0, f"ap{suffix}": 0.0, **by_label}
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": i + 1} for i in range(self.pictures)],
            "annotations": self.annotations,
            "categories": [{"id": category, "name": self.names[category]} for category in self.categories],
        }
        with contextlib.redirect_stdout(io.StringIO()):  # it prints its own table
            truth.createIndex()
            evaluation = COCOeval(truth, truth.loadRes(self.results), "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
        precision = evaluation.eval["precision"][..., 0, 2]  # (IoU, recall, class), all areas, 100 detections
        for place, category in enumerate(self.categories):
            if category in there:
                by_label[f"ap50{suffix}/{self.names[category]}"] = _mean(precision[0, :, place])
        return {f"ap50{suffix}": _mean(precision[0]), f"ap{suffix}": _mean(precision), **by_label}


def _mean(values: np.ndarray) -> float:
    """In percent; -1 is where a class is absent from the truth."""
    known = values[values >= 0]
    return round(100 * float(known.mean()), 2) if known.size else 0.0


def _corner_and_size(box: list[float]) -> list[float]:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]
