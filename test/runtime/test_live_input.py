"""Frames of a camera while the network is compiled for another size of input."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="openvino is not installed")

from vit_perception.runtime.engines import compiled_shapes
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"


def frame(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def live(monkeypatch):
    """A live predictor, warmed up for 4:3, whose next compilation waits for `free`."""
    predictor = Predictor(TINY, "openvino", live=True)
    predictor.warm_up(120, 160)
    free, fast = threading.Event(), predictor.engine.shapes._make
    monkeypatch.setattr(predictor.engine.shapes, "_make", lambda each: (free.wait(60), fast(each))[1])
    monkeypatch.setattr(compiled_shapes, "_UNWANTED", -1.0)
    yield predictor, free
    free.set()


def scores(predictor, image, **request):
    asked = Request(thresholds={"classification": 0.0}, **request)
    return predictor(image, request=asked).classification.scores


def changed(predictor, image, **request):
    """The first answer at the size that was asked for."""
    deadline = time.monotonic() + 60
    while True:
        found = scores(predictor, image, **request)
        if not predictor.changing:
            return found
        assert time.monotonic() < deadline


def test_a_new_scale_is_used_once_it_is_compiled(live):
    predictor, free = live
    picture, waiting = frame(120, 160), Predictor(TINY, "openvino")
    before = scores(predictor, picture)
    for _ in range(3):
        np.testing.assert_array_equal(scores(predictor, picture, input_scale=1.5), before)
        assert predictor.changing
    assert predictor.engine.shapes.compiling
    free.set()
    np.testing.assert_array_equal(
        changed(predictor, picture, input_scale=1.5), scores(waiting, picture, input_scale=1.5)
    )
    for scale in (0.5, 2.0, 1.0):
        changed(predictor, picture, input_scale=scale)
        assert len(predictor.engine.shapes.ready) <= 2


def test_another_shape_of_camera_is_answered_at_once(live):
    predictor, free = live
    portrait = frame(160, 120)
    found = predictor(portrait)
    assert predictor.changing
    assert found.image_size == (160, 120)
    assert found.segmentation.mask.shape == (160, 120)
    free.set()
    expected = scores(Predictor(TINY, "openvino"), portrait)
    np.testing.assert_array_equal(changed(predictor, portrait), expected)


def test_several_frames_need_no_shape_of_their_own(live):
    predictor, _ = live
    found = predictor.batch([frame(120, 160)] * 3, ["bgr"] * 3)
    assert not predictor.changing
    assert len(found) == 3
    assert len(predictor.engine.shapes.ready) == 1


def test_others_wait_for_their_size(live):
    _, free = live
    free.set()
    predictor = Predictor(TINY, "openvino")
    for scale in (1.0, 1.5, 0.5):
        scores(predictor, frame(120, 160), input_scale=scale)
        assert not predictor.changing
    assert len(predictor.engine.shapes.ready) == 3
