"""Folders of masks: `images/`, `masks/`, and a file that names the values or colours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vit_perception.data.dataset import Fault
from vit_perception.data.formats.base import PictureDataset, list_files, list_pictures, without_suffix
from vit_perception.data.formats.colours import NO_COLOUR, classes_of_colours
from vit_perception.data.formats.mask_labels import LABEL_FILES, read_mask_labels
from vit_perception.data.formats.reading import RawLabels, Report, read_mask
from vit_perception.data.names import Names
from vit_perception.runtime.results import UNLABELLED

_SUFFIXES = (".png", ".bmp", ".tif", ".tiff")
_BLACK = (0, 0, 0)


class MaskDataset(PictureDataset):
    """Pictures with a mask of the same name each; those without one are unlabelled.

    Values 0 and 255, and black, are unlabelled unless they have a name.

    Args:
        folder: with `images/`, `masks/` and `labels.yaml` or `labels.txt`.

    Raises:
        ValueError: the file of labels is wrong, or there are no pictures.
    """

    format = "masks"

    def __init__(self, folder: Path) -> None:
        self._values = read_mask_labels(_label_file(folder))
        pictures = list_pictures(folder / "images")
        masks = {without_suffix(file): file for file in list_files(folder / "masks", _SUFFIXES)}
        names = [without_suffix(picture) for picture in pictures]
        self._alone = sorted(masks[name] for name in masks.keys() - set(names))
        self._masks = Names(masks.get(name, "") for name in names)
        super().__init__(
            folder,
            self._values.space,
            pictures=Names(f"images/{picture}" for picture in pictures),
            names=Names(names),
            box_labels=(),
            mask_labels=range(len(self._values.space)),
            parts={},
        )

    @staticmethod
    def recognises(folder: Path) -> bool:
        return (
            all((folder / below).is_dir() for below in ("images", "masks")) and _label_file(folder).is_file()
        )

    def file_faults(self) -> Iterator[Fault]:
        yield from super().file_faults()
        for mask in self._alone:
            reason = "no picture in images/ has the name of this mask: add it, or delete the mask"
            yield Fault(self.folder / "masks" / mask, None, reason)

    def _labels(self, index: int, size: tuple[int, int], report: Report) -> RawLabels:
        mask = self._masks[index]
        path = self.folder / "masks" / mask
        raw = RawLabels(path)
        only_colours = not self._values.numbers
        values = read_mask(path, size, report, as_colours=only_colours) if mask else None
        if values is not None:
            raw.semantic = (self._of_numbers if values.ndim == 2 else self._of_colours)(path, values, report)
        return raw

    def _of_colours(self, path: Path, values: np.ndarray, report: Report) -> np.ndarray:
        colours = self._values.colours
        palette = [*colours] if _BLACK in colours else [*colours, _BLACK]
        places = classes_of_colours(values, np.array(palette, np.uint8))
        if (places == NO_COLOUR).any():
            row, column = np.argwhere(places == NO_COLOUR)[0]
            colour = " ".join(map(str, values[row, column]))
            report(
                Fault(path, None, f"colour {colour} is no class: add it to {_label_file(self.folder).name}")
            )
        # -1, no colour, takes the last one.
        return np.array([*colours.values(), UNLABELLED], np.uint8)[places]

    def _of_numbers(self, path: Path, values: np.ndarray, report: Report) -> np.ndarray:
        classes = np.full(1 << 16, UNLABELLED, np.uint8)
        for value, class_id in self._values.numbers.items():
            classes[value] = class_id
        unknown = np.setdiff1d(values, [*self._values.numbers, 0, UNLABELLED])
        if len(unknown):
            name = _label_file(self.folder).name
            report(Fault(path, None, f"value {unknown[0]} is no class: add it to {name}"))
        return classes[np.clip(values, 0, len(classes) - 1)]


def _label_file(folder: Path) -> Path:
    return next((folder / name for name in LABEL_FILES if (folder / name).is_file()), folder / LABEL_FILES[0])
