"""The contact sheet, from answers made by hand."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="answers are read with ROS")
pytest.importorskip("PIL", reason="the contact sheet is set with Pillow, which comes with scikit-image")

from vit_perception.runtime.results import (
    AnsweredFrame,
    Attention,
    Classification,
    Detection,
    Navigation,
    Perception,
    Segmentation,
)
from vit_perception.viz.overview import Captions, draw_sheet

LABELS = {0: "person", 1: "vehicle", 2: "sky"}
CAPTIONS = Captions("title", "subtitle", ["tiny"], ["first", "second"])


def full_answer(height, width):
    mask = np.zeros((height, width), np.uint8)
    mask[: height // 2] = 2
    return Perception(
        (height, width),
        Classification(np.array([0, 2]), np.array([0.9, 0.1], np.float32)),
        Detection(np.array([[1, 1, 20, 30]], np.float32), np.array([1]), np.array([0.8], np.float32)),
        Segmentation(mask, np.full_like(mask, 255)),
        Navigation(("forward", "stop"), np.array([0.7, 0.3], np.float32), 0.1),
        Attention(np.linspace(0, 1, height * width, dtype=np.float32).reshape(height, width)),
    )


def frame(index, height, width, perception=None):
    image = np.full((height, width, 3), 90, np.uint8)
    return AnsweredFrame(index, image, perception or full_answer(height, width), LABELS)


def test_a_row_for_each_frame_whatever_its_shape():
    wide = draw_sheet([frame(1, 60, 120)], CAPTIONS)
    both = draw_sheet([frame(1, 60, 120), frame(2, 120, 60)], CAPTIONS)
    assert wide.dtype == np.uint8
    assert wide.shape[1:] == both.shape[1:]
    assert both.shape[0] - wide.shape[0] > 600  # the tall one's height, and its caption
    np.testing.assert_array_equal(wide[:300], both[:300])


def test_missing_answers_leave_their_place_dark():
    nothing = draw_sheet([frame(1, 100, 100, Perception((100, 100)))], CAPTIONS)
    whole = draw_sheet([frame(1, 100, 100)], CAPTIONS)
    assert nothing.shape == whole.shape
    quarter = nothing.shape[1] // 4
    panels = slice(220, 600)
    assert nothing[panels, :quarter].mean() > 60  # the photograph itself
    assert nothing[panels, quarter + 60 :].mean() < 40
    assert whole[panels, quarter + 60 :].mean() > 60
