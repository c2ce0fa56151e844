"""A picture → its labels, by all teachers. One process has one; it is made from a small `LabellerSource`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.dense import Dense
from vit_perception.data.label_space import LabelSpace
from vit_perception.data.labelling.config import LabellingConfig
from vit_perception.data.labelling.fusion import View, box_overlap, fuse_boxes, fusion_library
from vit_perception.data.labelling.masks import OTHER, Vote, compose, ellipses, outside_boxes
from vit_perception.data.labelling.real_labels import (
    NO_LABELS,
    RealLabels,
    prefer_real,
    prefer_real_mask,
)
from vit_perception.data.labelling.views import content_of, predict
from vit_perception.data.teachers import Prediction, Teacher
from vit_perception.data.teachers.find import TeacherSource
from vit_perception.runtime.results import UNLABELLED

# Two boxes of a class are often of one object that fusion kept apart, if so much of one lies in the other and
# the two overlap by so much. A child in front of an adult overlaps less.
_NESTED, _NESTED_IOU = 0.9, 0.4


@dataclass(frozen=True)
class LabellerSource:
    """All that a process needs to make a `Labeller`.

    Attributes:
        teachers: where they are.
        space: labels of the dataset.
        config: how results become labels.
        real: which classes the pictures come with labels of.
    """

    teachers: tuple[TeacherSource, ...]
    space: LabelSpace
    config: LabellingConfig
    real: RealLabels = NO_LABELS

    def load(self) -> Labeller:
        """Load all teachers.

        Raises:
            FileNotFoundError, ValueError, EngineUnavailable: a teacher cannot be used, or none of its labels
                is in the label space.
        """
        teachers = [source.load(self.config.mask_confidence) for source in self.teachers]
        return Labeller(teachers, self.space, self.config, self.real)


class Labeller:
    """Labels pictures. See `LabellerSource` for the arguments.

    Raises:
        ValueError: two teachers have one name; a name in the configuration is none of a teacher or label; or
            a teacher has no label of the space; or no teacher gives dense labels. RuntimeError:
            ensemble-boxes is not installed.
    """

    def __init__(
        self,
        teachers: Sequence[Teacher],
        space: LabelSpace,
        config: LabellingConfig,
        real: RealLabels = NO_LABELS,
    ) -> None:
        names = [teacher.name for teacher in teachers]
        if len(set(names)) < len(names):
            raise ValueError(f"two teachers have one name: {', '.join(names)}")
        if unknown := sorted(set(config.weights) - set(names)):
            raise ValueError(f"weights name {unknown[0]}, and the teachers are {', '.join(names)}")
        detectors = [teacher.name for teacher in teachers if teacher.box_labels]
        if unknown := sorted(set(config.tiles) - set(detectors)):
            raise ValueError(f"tiles name {unknown[0]}, and the detectors are {', '.join(detectors)}")
        self._config, self._real = config, real
        self._teachers = [_Known(teacher, space) for teacher in teachers]
        self._accept = np.full(len(space.labels), config.thresholds.accept, np.float32)
        self._reject = np.full(len(space.labels), config.thresholds.reject, np.float32)
        for name, thresholds in config.by_class.items():
            class_id = space.id_of(name)
            self._accept[class_id], self._reject[class_id] = thresholds.accept, thresholds.reject
        self._things = frozenset(place for place, label in enumerate(space.labels) if label.thing)
        self._boxed = frozenset().union(*(known.box_ids for known in self._teachers))
        if self._boxed:
            fusion_library()
        # The one whose dense labels are kept.
        self._dense: int | None = None
        if config.dense:
            grids = [place for place, teacher in enumerate(teachers) if teacher.gives_dense]
            if not grids:
                raise ValueError(
                    f"{', '.join(names)} give no dense labels: add a detector on grids, such as YOLOX"
                )
            self._dense = grids[0]

    @property
    def box_labels(self) -> frozenset[int]:
        """Classes that are boxed in every picture."""
        return self._boxed | self._real.box_labels

    @cached_property
    def mask_labels(self) -> frozenset[int]:
        """Classes that the masks know; empty if there are no masks."""
        known = self._real.mask_labels.union(*(known.mask_ids for known in self._teachers))
        if known and self._config.ellipses:
            known |= self._boxed & self._things
        return known

    @property
    def unused(self) -> dict[str, list[str]]:
        """Labels of a teacher that the label space lacks, by the teacher's name."""
        return {known.teacher.name: known.unused for known in self._teachers if known.unused}

    def __call__(self, image: np.ndarray, real: Annotation | None = None) -> Annotation:
        """Label one picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            real: what people labelled in it, in classes of the label space; it wins.
        """
        content = content_of(image)
        predictions = [self._predict(known.teacher, image, content) for known in self._teachers]
        boxes, class_ids, scores = self._boxes(image, content, predictions)
        sure, doubt = self._decide(boxes, class_ids, scores)
        found = Annotation(
            boxes=boxes[sure],
            class_ids=class_ids[sure],
            scores=scores[sure],
            ignored_boxes=boxes[doubt],
            ignored_ids=class_ids[doubt],
            depth=next((each.depth for each in predictions if each.depth is not None), None),
            dense=self._dense_labels(predictions),
        )
        if real is not None:
            found = prefer_real(found, real, self._real)
        mask = self._mask(predictions, (image.shape[0], image.shape[1]), found)
        return replace(found, semantic=prefer_real_mask(mask, found.semantic, self._real.mask_labels))

    def _predict(
        self, teacher: Teacher, image: np.ndarray, content: tuple[slice, slice], mirrored: bool = False
    ) -> Prediction:
        return predict(teacher, image, content, mirrored, tiled=teacher.name in self._config.tiles)

    def _dense_labels(self, predictions: Sequence[Prediction]) -> Dense | None:
        """Those of one teacher, in the classes that people have not boxed."""
        if self._dense is None:
            return None
        return self._teachers[self._dense].dense(predictions[self._dense].dense, self._real.box_labels)

    def _boxes(
        self, image: np.ndarray, content: tuple[slice, slice], predictions: Sequence[Prediction]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The fused boxes of all teachers that give some."""
        views = []
        for known, prediction in zip(self._teachers, predictions, strict=True):
            if not known.box_ids:
                continue
            weight = self._config.weights.get(known.teacher.name, 1.0)
            views.append(known.view(prediction, weight))
            if self._config.mirror:
                mirrored = self._predict(known.teacher, image, content, mirrored=True)
                views.append(known.view(mirrored, weight))
        boxes, class_ids, scores = fuse_boxes(views, image.shape[:2], self._config.fusion_iou)
        kept = scores >= self._reject[class_ids]
        return boxes[kept], class_ids[kept], scores[kept]

    def _decide(
        self, boxes: np.ndarray, class_ids: np.ndarray, scores: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which boxes are objects, and which may be one. Both are (N,) bool."""
        sure = scores >= self._accept[class_ids]
        same_class = class_ids[:, None] == class_ids[None]
        overlap, inside = box_overlap(boxes, boxes)
        # Sorted by score: what comes before is more certain.
        nested = (inside > _NESTED) & (overlap > _NESTED_IOU)
        rival = np.tril(np.where(same_class, nested, overlap > self._config.confusion_iou), -1)
        for place in np.flatnonzero(sure):
            sure[place] = not (rival[place] & sure).any()
        return sure, ~sure

    def _mask(
        self, predictions: Sequence[Prediction], size: tuple[int, int], found: Annotation
    ) -> np.ndarray | None:
        """The composed mask; None if no teacher gives one."""
        votes = [
            known.vote(prediction.mask)
            for known, prediction in zip(self._teachers, predictions, strict=True)
            if prediction.mask is not None
        ]
        if not votes:
            return None
        if self._config.ellipses:
            filled = ellipses(found.boxes, found.class_ids, size)
            votes.append(Vote(filled, frozenset(), rough=True))
        mask = compose(votes, self._things)
        boxes = np.concatenate([found.boxes, found.ignored_boxes])
        class_ids = np.concatenate([found.class_ids, found.ignored_ids])
        mask[outside_boxes(mask, boxes, class_ids, self._boxed & self._things)] = UNLABELLED
        return mask


class _Known:
    """A teacher, and its class ids in the label space."""

    def __init__(self, teacher: Teacher, space: LabelSpace) -> None:
        self.teacher = teacher
        boxes = [space.find(label) for label in teacher.box_labels]
        masks = [None if label is None else space.find(label) for label in teacher.mask_labels]
        self._box_table = np.array([-1 if place is None else place for place in boxes], np.int64)
        self._mask_table = np.full(256, UNLABELLED, np.uint16)
        self._mask_table[: len(masks)] = [OTHER if place is None else place for place in masks]
        self.box_ids = frozenset(place for place in boxes if place is not None)
        self.mask_ids = frozenset(place for place in masks if place is not None)
        listed = dict.fromkeys((*teacher.box_labels, *teacher.mask_labels))
        self.unused = [label for label in listed if label is not None and space.find(label) is None]
        if not (self.box_ids or self.mask_ids or teacher.gives_depth):
            raise ValueError(
                f"teacher {teacher.name} has no label of the label space: {', '.join(self.unused)}"
            )

    def view(self, prediction: Prediction, weight: float) -> View:
        """Its boxes, in classes of the label space."""
        class_ids = self._box_table[prediction.class_ids]
        kept = class_ids >= 0
        return View(prediction.boxes[kept], class_ids[kept], prediction.scores[kept], self.box_ids, weight)

    def dense(self, dense: Dense | None, without: frozenset[int]) -> Dense | None:
        """Its dense labels, in classes of the label space but some."""
        if dense is None:
            return None
        table = np.full(256, UNLABELLED, np.int64)
        table[: len(self._box_table)] = np.where(self._box_table < 0, UNLABELLED, self._box_table)
        return dense.renamed(table, np.array(sorted(self.box_ids - without), np.int64))

    def vote(self, mask: np.ndarray) -> Vote:
        """Its mask, in classes of the label space."""
        return Vote(self._mask_table[mask], self.mask_ids)
