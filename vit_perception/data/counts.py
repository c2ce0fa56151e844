"""What is in a dataset, in figures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.formats.base import PictureDataset
from vit_perception.runtime.results import UNLABELLED


class Counts:
    """Figures of a dataset, from its annotations one by one.

    Args:
        dataset: whose annotations are added.
    """

    def __init__(self, dataset: PictureDataset) -> None:
        self._dataset = dataset
        count = len(dataset.space)
        self._boxes = np.zeros(count, np.int64)
        self._pictures = np.zeros(count, np.int64)
        self._pixels = np.zeros(count, np.int64)
        self._with = dict.fromkeys(("boxes", "masks", "objects with masks", "depth"), 0)
        self._ignored = 0

    def add(self, annotation: Annotation) -> None:
        """Count the labels of a picture."""
        count = len(self._boxes)
        boxes = np.bincount(annotation.class_ids, minlength=count)
        self._boxes += boxes
        pixels = np.zeros(count, np.int64)
        if annotation.semantic is not None:
            pixels = np.bincount(annotation.semantic.ravel(), minlength=UNLABELLED + 1)[:count]
        self._pixels += pixels
        self._pictures += (boxes + pixels) > 0
        self._ignored += len(annotation.ignored_boxes)
        self._with["boxes"] += len(annotation.boxes) > 0
        self._with["masks"] += annotation.semantic is not None
        self._with["objects with masks"] += annotation.instances is not None
        self._with["depth"] += annotation.depth is not None

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        dataset = self._dataset
        yield f"{dataset.folder}: {dataset.format}, {len(dataset)} pictures"
        ignored = f", {self._ignored} ignored" if self._ignored else ""
        yield f"  boxes     {self._boxes.sum()} in {self._with['boxes']} pictures{ignored}"
        objects = self._with["objects with masks"]
        yield f"  masks     {self._with['masks']} pictures, {objects} of them with single objects"
        yield f"  depth     {self._with['depth']} pictures"
        parts = ", ".join(f"{part} {len(numbers)}" for part, numbers in dataset.parts.items())
        yield f"  held out  {parts or 'none'}"
        yield (
            f"  labels    {len(dataset.space)}: {len(dataset.box_labels)} boxed in every picture, "
            f"{len(dataset.mask_labels)} known to the masks"
        )
        yield from self._table()

    def _table(self) -> Iterator[str]:
        """A line for each class that is there, those with most pictures first."""
        names = self._dataset.space.names
        width = max(map(len, names))
        total = max(int(self._pixels.sum()), 1)
        yield f"\n  {'class':<{width}}  pictures    boxes  of the labelled pixels"
        for class_id in np.argsort(-self._pictures, kind="stable"):
            if not self._pictures[class_id]:
                break
            share = f"{self._pixels[class_id] / total:.2%}" if self._pixels[class_id] else "–"
            yield (
                f"  {names[class_id]:<{width}}  {self._pictures[class_id]:>8} {self._boxes[class_id]:>8}  "
                f"{share:>7}"
            )
        if missing := [name for name, pictures in zip(names, self._pictures, strict=True) if not pictures]:
            yield f"  in no picture: {', '.join(missing)}"
