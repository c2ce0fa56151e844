"""Our format: `dataset.yaml`, `images/`, `instances.json`, `panoptic.json`, `depth/`, `dense/`,
`navigation.jsonl` and `splits.yaml`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.data.coco_export import INSTANCES, PANOPTIC_FILE
from vit_perception.data.dataset import Fault
from vit_perception.data.dense_file import DENSE, read_dense
from vit_perception.data.formats.coco import CocoDataset
from vit_perception.data.formats.coco_objects import box_of
from vit_perception.data.formats.reading import ANY, RawLabels, Report, read_mask
from vit_perception.data.journal import JOURNAL
from vit_perception.data.manifest import MANIFEST, read_manifest
from vit_perception.data.navigation_file import NavigationFile
from vit_perception.data.splits import read_splits

IMAGES = "images"
DEPTH = "depth"
_MILLIMETRES = 1000


class SuiteDataset(CocoDataset):
    """A dataset that `DatasetWriter` wrote.

    Args:
        folder: with `dataset.yaml`.

    Raises:
        ValueError: a file is wrong or missing, it was not written to the end, or held-out parts overlap.
    """

    format = "vit_perception"

    def __init__(self, folder: Path) -> None:
        if not (folder / INSTANCES).is_file():
            raise ValueError(
                f"{folder} was not written to the end: run the command that writes it again, and it goes on"
            )
        self.manifest = read_manifest(folder)
        files = [file for file in (folder / INSTANCES, folder / PANOPTIC_FILE) if file.is_file()]
        super().__init__(folder, files)
        self._classes = [self._class_ids(place) for place in range(len(files))]
        self.space = self.manifest.space
        self.box_labels = self.manifest.box_labels
        self.mask_labels = self.manifest.mask_labels
        numbers = {name: index for index, name in enumerate(self._names)}
        self.parts, self._split_faults = read_splits(folder, numbers)
        self._navigation = NavigationFile(folder, numbers)

    @staticmethod
    def recognises(folder: Path) -> bool:
        return (folder / MANIFEST).is_file() and any(
            (folder / file).is_file() for file in (INSTANCES, JOURNAL)
        )

    def file_faults(self) -> Iterator[Fault]:
        yield from super().file_faults()
        yield from self._split_faults
        yield from self._navigation.faults

    def record(self, index: int) -> dict[str, Any]:
        """What the journal had of a picture."""
        (_, objects), (panoptic, masked) = self._where[index].tolist()
        file = self._files[0]
        entry = file.image(objects)
        segments = None
        if panoptic >= 0:
            segments = next((one["segments_info"] for one, _ in self._files[1].annotations(masked)), None)
        return {
            "name": self.name(index),
            "file_name": entry["file_name"],
            "height": entry["height"],
            "width": entry["width"],
            "annotations": [
                {key: value for key, value in one.items() if key not in ("id", "image_id")}
                for one, _ in file.annotations(objects)
            ],
            "ignored_boxes": entry.get("ignored_boxes", []),
            "segments_info": segments,
            "navigation": self._navigation.record(index),
            "part": next((part for part, members in self.parts.items() if index in members), None),
        }

    def _class_ids(self, place: int) -> dict[int, int]:
        """Category id → class id, by the names in `dataset.yaml`."""
        file = self._files[place]
        try:
            return {category.id: self.manifest.space.id_of(category.name) for category in file.categories}
        except ValueError as error:
            raise ValueError(f"{file.path}: {error}: add the category to labels in {MANIFEST}") from None

    def _labels(self, index: int, size: tuple[int, int], report: Report) -> RawLabels:
        raw = super()._labels(index, size, report)
        (objects, number), (panoptic, _) = self._where[index].tolist()
        if panoptic < 0:
            raw.semantic = None
        if objects >= 0:
            for box in self._files[objects].image(number).get("ignored_boxes", []):
                try:
                    raw.add(box_of({"bbox": box}), ANY, ignored=True)
                except ValueError as error:
                    line = self._files[objects].line_of_image(number)
                    report(Fault(self._files[objects].path, line, f"ignored_boxes: {error}"))
        path = self.folder / DEPTH / f"{self.name(index)}.png"
        if path.is_file():
            values = read_mask(path, size, report)
            if values is not None and values.ndim != 2:
                report(Fault(path, None, "depth is a PNG of 16-bit grey, in millimetres: this one is not"))
            elif values is not None:
                raw.depth = np.where(values > 0, values / _MILLIMETRES, np.nan).astype(np.float32)
        path = self.folder / DENSE / f"{self.name(index)}.npz"
        if path.is_file():
            try:
                raw.dense = read_dense(path, len(self.space))
            except ValueError as error:
                report(Fault(path, None, str(error)))
        try:
            raw.navigation = self._navigation.truth(index)
        except ValueError as error:
            report(self._navigation.fault(index, str(error)))
        return raw
