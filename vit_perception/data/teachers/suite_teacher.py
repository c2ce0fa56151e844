"""A teacher that is a model of the suite: installed, a folder, or a public one that was adopted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vit_perception.cards.card import load_card
from vit_perception.data.teachers import Prediction
from vit_perception.data.teachers.decode.grid import LEAST_SCORE
from vit_perception.hub.build import build_public
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import UNLABELLED
from vit_perception.tasks import DEPTH, DETECTION, SEGMENTATION

_TASKS = (DETECTION, SEGMENTATION, DEPTH)


class SuiteTeacher:
    """A model folder. See `Teacher`.

    Args:
        folder: of the model, from `hub.obtain.obtain_model`.
        mask_confidence: a pixel with less, 0..1, is unlabelled.

    Raises:
        ValueError: it gives neither boxes nor masks nor metres, or it is damaged.
        EngineUnavailable: no engine here runs it.
    """

    gives_dense = False

    def __init__(self, folder: Path, mask_confidence: float = 0.5) -> None:
        card = load_card(folder)
        self.name = card.name
        tasks = tuple(task for task in _TASKS if task in card.tasks)
        # The labels are to be the same on every machine: fp32 is what all of them have.
        self._predictor = Predictor(folder, precision="fp32", tasks=tasks, build_public=build_public)
        self._request = Request(thresholds={DETECTION: LEAST_SCORE} if DETECTION in tasks else {})
        self._mask_confidence = round(255 * mask_confidence)
        self.box_labels = tuple(card.labels[thing] for thing in card.things) if DETECTION in tasks else ()
        self._box_places = {thing: place for place, thing in enumerate(card.things)}
        self.mask_labels: tuple[str | None, ...] = card.labels if SEGMENTATION in tasks else ()
        depth = self(np.full((48, 64, 3), 114, np.uint8)).depth if DEPTH in tasks else None
        self.gives_depth = depth is not None
        if not (self.box_labels or self.mask_labels or self.gives_depth):
            raise ValueError(
                f"teacher {self.name} gives {', '.join(card.tasks)}: label needs boxes, masks or metres"
            )

    def __call__(self, image: np.ndarray) -> Prediction:
        result = self._predictor(image, "rgb", self._request)
        boxes, class_ids, scores = Prediction().boxes, Prediction().class_ids, Prediction().scores
        if result.detection is not None:
            boxes, scores = result.detection.boxes, result.detection.scores
            places = [self._box_places[int(class_id)] for class_id in result.detection.class_ids]
            class_ids = np.asarray(places, np.int64)
        mask = None
        if result.segmentation is not None:
            sure = result.segmentation.confidence >= self._mask_confidence
            mask = np.where(sure, result.segmentation.mask, UNLABELLED).astype(np.uint8)
        # Relative depth is no label: it has neither a unit nor a zero.
        depth = result.depth.depth if result.depth is not None and result.depth.metric else None
        return Prediction(boxes, class_ids, scores, mask, depth)
