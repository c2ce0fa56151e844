"""Labels of people win over those of teachers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.dataset import Dataset
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.runtime.results import UNLABELLED


@dataclass(frozen=True)
class RealLabels:
    """Which classes of the label space a dataset comes with labels of.

    Attributes:
        box_labels: those that are boxed in every picture.
        mask_labels: those that its masks know.
    """

    box_labels: frozenset[int] = frozenset()
    mask_labels: frozenset[int] = frozenset()


NO_LABELS = RealLabels()


def joined_space(space: LabelSpace, dataset: Dataset) -> LabelSpace:
    """A label space with all labels of a dataset: those that it lacks are added at the end."""
    places = space.ids_of(dataset.space)
    added: list[Label] = [
        label for label, place in zip(dataset.space.labels, places, strict=True) if place is None
    ]
    return LabelSpace((*space.labels, *added)) if added else space


def prefer_real(found: Annotation, real: Annotation, labels: RealLabels) -> Annotation:
    """What teachers found, with boxes of people where the dataset boxes a class, and depth where it has some.
    Masks are those of people: `prefer_real_mask` adds those of teachers.

    Args:
        found: by teachers.
        real: by people, in the same classes.
        labels: what the dataset labels.
    """
    assert found.scores is not None
    assert real.scores is not None
    new, new_doubt = (
        ~np.isin(ids, sorted(labels.box_labels)) for ids in (found.class_ids, found.ignored_ids)
    )
    return Annotation(
        boxes=np.concatenate([real.boxes, found.boxes[new]]),
        class_ids=np.concatenate([real.class_ids, found.class_ids[new]]),
        scores=np.concatenate([real.scores, found.scores[new]]),
        ignored_boxes=np.concatenate([real.ignored_boxes, found.ignored_boxes[new_doubt]]),
        ignored_ids=np.concatenate([real.ignored_ids, found.ignored_ids[new_doubt]]),
        semantic=real.semantic,
        instances=real.instances,
        depth=_depth(found.depth, real.depth),
        dense=found.dense,
    )


def prefer_real_mask(
    found: np.ndarray | None, real: np.ndarray | None, known: frozenset[int]
) -> np.ndarray | None:
    """A mask of teachers under one of people: what these labelled stays, teachers add other classes.

    Args:
        found: (H, W) uint8 class ids; None: no mask.
        real: the same, of people.
        known: classes that the masks of people know. Where people saw none of them, a teacher that sees one
            is wrong.
    """
    if found is None or real is None:
        return found if real is None else real
    new = np.where(np.isin(found, sorted(known)), np.uint8(UNLABELLED), found)
    return np.where(real != UNLABELLED, real, new)


def _depth(found: np.ndarray | None, real: np.ndarray | None) -> np.ndarray | None:
    if found is None or real is None:
        return found if real is None else real
    return np.where(np.isnan(real), found, real)
