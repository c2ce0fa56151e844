"""Several datasets as one, in the labels of one space."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.dataset import Dataset
from vit_perception.data.formats.reading import ANY, renumbered
from vit_perception.data.label_space import LabelSpace
from vit_perception.runtime.results import UNLABELLED

# How many names of labels an error lists.
_SHOWN = 5


@dataclass(frozen=True)
class _Source:
    """A dataset among others.

    Attributes:
        dataset: as it was given.
        prefix: of its pictures' names.
        classes: (256,) uint8: its class id → that of the space, 255 for none; 255 stays 255.
        things: for each of its labels, the class id of the space; None for none and for stuff.
        boxed: (C,) bool, classes of the space that are boxed in each of its pictures.
        absent: (C,) bool, those of them that are absent where they have no box.
        masked: (C,) bool, classes of the space that its masks know.
    """

    dataset: Dataset
    prefix: str
    classes: np.ndarray
    things: Sequence[int | None]
    boxed: np.ndarray
    absent: np.ndarray
    masked: np.ndarray


class JoinedDataset:
    """The pictures of several datasets, one after the other, with labels mapped by name and alias.

    What a dataset does not label is unknown in its pictures. A label that the space does not have is dropped:
    its boxes become ignored boxes of any class, its pixels unlabelled.

    Args:
        datasets: at least one.
        space: the labels of the result.

    Attributes:
        space: as given.
        parts: numbers of the pictures of each held-out part, by name; parts of one name are joined.
        dropped: by dataset, the names of its labels that the space does not have.

    Raises:
        ValueError: there is no dataset, or the space has none of a dataset's labels.
    """

    def __init__(self, datasets: Sequence[Dataset], space: LabelSpace) -> None:
        if not datasets:
            raise ValueError("there is no dataset to join: give at least one")
        self.space = space
        prefixes = _prefixes([dataset.folder for dataset in datasets])
        self._sources = [_source(*pair, space) for pair in zip(datasets, prefixes, strict=True)]
        # The first picture of each dataset.
        self._first = np.cumsum([0, *map(len, datasets)])
        self.dropped = [
            tuple(
                name
                for name, found in zip(dataset.space.names, space.ids_of(dataset.space), strict=True)
                if found is None
            )
            for dataset in datasets
        ]
        parts: dict[str, list[np.ndarray]] = {}
        for dataset, first in zip(datasets, self._first, strict=False):
            for part, numbers in dataset.parts.items():
                parts.setdefault(part, []).append(numbers + first)
        self.parts = {part: np.concatenate(numbers) for part, numbers in sorted(parts.items())}

    def __len__(self) -> int:
        return int(self._first[-1])

    def name(self, index: int) -> str:
        """A name that no other picture has: with several datasets, it begins with that of the folder."""
        source, place = self._locate(index)
        return source.prefix + source.dataset.name(place)

    def picture_file(self, index: int) -> Path | None:
        """As `Dataset.picture_file`."""
        source, place = self._locate(index)
        return source.dataset.picture_file(place)

    def picture(self, index: int) -> np.ndarray:
        """As `Dataset.picture`."""
        source, place = self._locate(index)
        return source.dataset.picture(place)

    def known_boxes(self, index: int) -> np.ndarray:
        """(C,) bool: the classes of the space that are boxed wherever they are in this picture."""
        return self._locate(index)[0].boxed

    def known_absent(self, index: int) -> np.ndarray:
        """(C,) bool: the classes of the space that are not in this picture if they have no box there.

        Not a class that some stuff became, as furniture where there are shelves: stuff has no boxes.
        """
        return self._locate(index)[0].absent

    def known_mask(self, index: int) -> np.ndarray:
        """(C,) bool: the classes of the space that the mask of this picture knows, if it has a mask."""
        return self._locate(index)[0].masked

    def annotation(self, index: int) -> Annotation:
        """As `Dataset.annotation`, with class ids of the space."""
        source, place = self._locate(index)
        return _mapped(source.dataset.annotation(place), source)

    def training(self) -> np.ndarray:
        """Numbers of the pictures that are in no held-out part, ascending."""
        free = np.ones(len(self), bool)
        for numbers in self.parts.values():
            free[numbers] = False
        return np.flatnonzero(free)

    def _locate(self, index: int) -> tuple[_Source, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"picture {index} is not in 0 to {len(self) - 1}")
        place = int(np.searchsorted(self._first, index, side="right")) - 1
        return self._sources[place], index - int(self._first[place])


def _source(dataset: Dataset, prefix: str, space: LabelSpace) -> _Source:
    ids = space.ids_of(dataset.space)
    if all(found is None for found in ids):
        names = dataset.space.names
        shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        raise ValueError(
            f"none of the labels of {dataset.folder} ({shown}) is in the "
            "label space: add them to it, as names or as aliases"
        )
    # Stuff has no boxes: whether its class is boxed does not depend on it.
    things = [found if label.thing else None for found, label in zip(ids, dataset.space.labels, strict=True)]
    classes = np.full(256, UNLABELLED, np.uint8)
    classes[: len(ids)] = [UNLABELLED if found is None else found for found in ids]
    return _Source(
        dataset,
        prefix,
        classes,
        things,
        _known(things, dataset.box_labels, len(space)),
        _known(ids, dataset.box_labels, len(space)),
        _known(ids, dataset.mask_labels, len(space)),
    )


def _known(ids: Sequence[int | None], labelled: Collection[int], count: int) -> np.ndarray:
    """(C,) bool: a class of the space is known if all of the dataset's labels that became it are labelled."""
    known = np.zeros(count, bool)
    known[[found for class_id, found in enumerate(ids) if found is not None and class_id in labelled]] = True
    known[[found for class_id, found in enumerate(ids) if found is not None and class_id not in labelled]] = (
        False
    )
    return known


def _mapped(annotation: Annotation, source: _Source) -> Annotation:
    classes, dense = source.classes, annotation.dense
    if dense is not None:
        known = _known(source.things, dense.knows.tolist(), len(source.boxed))
        dense = dense.renamed(classes, np.flatnonzero(known))
    ids = classes[annotation.class_ids].astype(np.int64)
    kept = ids != UNLABELLED
    any_class = annotation.ignored_ids == ANY
    ignored = np.where(any_class, UNLABELLED, classes[annotation.ignored_ids]).astype(np.int64)
    dropped = np.full((~kept).sum(), ANY, np.int64)
    navigation = annotation.navigation
    if navigation is not None:
        navigation = replace(navigation, episode=source.prefix + navigation.episode)
    return replace(
        annotation,
        boxes=annotation.boxes[kept],
        class_ids=ids[kept],
        scores=None if annotation.scores is None else annotation.scores[kept],
        ignored_boxes=np.concatenate([annotation.ignored_boxes, annotation.boxes[~kept]]),
        ignored_ids=np.concatenate([np.where(ignored == UNLABELLED, ANY, ignored), dropped]),
        semantic=None if annotation.semantic is None else classes[annotation.semantic],
        instances=None if annotation.instances is None else renumbered(annotation.instances, kept),
        dense=dense,
        navigation=navigation,
    )


def _prefixes(folders: Sequence[Path]) -> list[str]:
    """What to put before the names of each dataset's pictures, so that no two are the same."""
    if len(folders) == 1:
        return [""]
    names = [folder.resolve().name for folder in folders]
    repeated = {name for name in names if names.count(name) > 1}
    return [
        f"{name}-{place}/" if name in repeated else f"{name}/" for place, name in enumerate(names, start=1)
    ]
