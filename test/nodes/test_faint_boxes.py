"""Boxes below the threshold are for tracks alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.nodes.faint_boxes import with_faint, without_faint
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(TINY, device="cpu", tasks=["detection", "segmentation"])


def test_there_are_more_boxes_and_the_others_are_the_same(predictor: Predictor) -> None:
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    scores = predictor(image, request=Request(thresholds={"detection": 0.0})).detection.scores
    least = float(scores[len(scores) // 3])
    request = Request(thresholds={"detection": least, "classification": 0.4})
    alone, told = predictor(image, request=request), predictor(image, request=with_faint(request))
    assert len(told.detection.boxes) > len(alone.detection.boxes) > 0
    rest = without_faint(told, request)
    for field in ("boxes", "class_ids", "scores"):
        np.testing.assert_array_equal(getattr(rest.detection, field), getattr(alone.detection, field))
    np.testing.assert_array_equal(rest.segmentation.mask, alone.segmentation.mask)
    assert with_faint(request).thresholds["classification"] == 0.4


def test_without_detection_nothing_changes() -> None:
    request = Request(thresholds={"classification": 0.4})
    assert with_faint(request) is request
