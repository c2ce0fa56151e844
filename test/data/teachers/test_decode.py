"""Every kind of output against boxes that were computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vit_perception.data.dense import NO_CLASS
from vit_perception.data.teachers import Prediction
from vit_perception.data.teachers.contract import Contract, InputContract, OutputContract
from vit_perception.data.teachers.decode import DECODERS
from vit_perception.data.teachers.picture_input import picture_input
from vit_perception.runtime.preprocess import Geometry


def contract(kind: str, size: tuple[int, int], strides: tuple[int, ...] = (), labels: int = 2) -> Contract:
    names = tuple("abc"[:labels])
    return Contract("some.onnx", names, InputContract(size), OutputContract(kind, strides=strides))


def decode(given: Contract, outputs: list[np.ndarray], source: tuple[int, int]) -> Prediction:
    size = given.input.size
    return DECODERS[given.output.kind](outputs, given, Geometry(source, size, size))


def test_boxes_are_sorted_clipped_and_cut_below_the_least_score() -> None:
    boxes = np.array([[[1, 2, 3, 4], [-5, 5, 70, 9], [0, 0, 9, 9]]], np.float32)
    outputs = [np.array([[1, 0, 1]]), boxes, np.array([[0.3, 0.9, 0.01]], np.float32)]
    found = decode(contract("boxes", (32, 32)), outputs, (40, 60))
    np.testing.assert_array_equal(found.boxes, [[0, 5, 60, 9], [1, 2, 3, 4]])
    np.testing.assert_array_equal(found.class_ids, [0, 1])
    np.testing.assert_allclose(found.scores, [0.9, 0.3])


def test_a_class_id_without_a_label_is_refused() -> None:
    outputs = [np.array([[2]]), np.zeros((1, 1, 4), np.float32), np.ones((1, 1), np.float32)]
    with pytest.raises(ValueError, match="class 2, and there are 2 labels"):
        decode(contract("boxes", (32, 32)), outputs, (40, 60))


def test_yolox() -> None:
    # An input of 16 by 32 has 2 x 4 cells of stride 8 and 1 x 2 of stride 16.
    rows = np.zeros((1, 10, 7), np.float32)
    # Row 1, column 2 of stride 8: centre ((2 + 0.5) · 8, (1 + 0.25) · 8) = (20, 10), size (8 · 1, 8 · 0.5).
    rows[0, 6] = [0.5, 0.25, 0.0, np.log(0.5), 0.8, 0.1, 0.5]
    # Column 1 of stride 16: centre (16, 8), size (32, 16).
    rows[0, 9] = [0.0, 0.5, np.log(2), 0.0, 0.5, 0.9, 0.0]
    given = contract("yolox", (16, 32), (8, 16))
    found = decode(given, [rows], (32, 64))
    # In the picture, which is twice as large.
    np.testing.assert_allclose(found.boxes, [[0, 0, 64, 32], [32, 16, 48, 24], [32, 16, 48, 24]], atol=1e-4)
    np.testing.assert_array_equal(found.class_ids, [0, 1, 0])
    np.testing.assert_allclose(found.scores, [0.45, 0.4, 0.08], atol=1e-6)
    assert found.dense is not None
    np.testing.assert_array_equal(found.dense.strides, [[16, 16], [32, 32]])
    np.testing.assert_array_equal(found.dense.levels, [0, 1])
    np.testing.assert_array_equal(found.dense.cells, [[2, 1], [1, 0]])
    np.testing.assert_allclose(found.dense.boxes, [[32, 16, 48, 24], [0, 0, 64, 32]], atol=1e-4)
    np.testing.assert_array_equal(found.dense.class_ids, [[1, 0], [0, NO_CLASS]])
    np.testing.assert_allclose(found.dense.scores, [[0.4, 0.08], [0.45, 0]], atol=1e-3)
    with pytest.raises(ValueError, match=r"would be \(1, 10, 7\)"):
        decode(given, [rows[:, :9]], (32, 64))


def test_picodet() -> None:
    # One cell of stride 16 and two of stride 8, in an input of 8 by 16; four bins.
    scores = [np.zeros((1, 2, 2), np.float32), np.array([[[0.7, 0.0]]], np.float32)]
    scores[0][0, 1, 1] = 0.9
    small, large = np.zeros((1, 2, 16), np.float32), np.full((1, 1, 16), -50, np.float32)
    # A flat distribution over 0, 1, 2, 3 has the mean 1.5: 12 pixels from the centre (12, 4) each way.
    # Peaks at 0, 0, 1 and 1: the box ends at the centre (8, 8), and 16 pixels to the right and below.
    large[0, 0, [0, 4, 9, 13]] = 50
    found = decode(contract("picodet", (8, 16), (8, 16)), [*scores, small, large], (8, 16))
    np.testing.assert_allclose(found.boxes, [[0, 0, 16, 8], [8, 8, 16, 8]], atol=1e-4)
    np.testing.assert_array_equal(found.class_ids, [1, 0])
    larger = decode(contract("picodet", (8, 16), (8, 16)), [*scores, small, large], (80, 160))
    np.testing.assert_allclose(larger.boxes[0], [0, 0, 160, 80], atol=1e-3)
    with pytest.raises(ValueError, match="there would be 3 rows, of 2 scores"):
        decode(contract("picodet", (8, 16), (8, 16)), [*scores, small[:, :1], large], (8, 16))


def test_the_expectation_of_a_distribution_is_not_its_peak() -> None:
    # Three quarters at 1 and one quarter at 3 have the mean 1.5; ln 3 is the logit of three to one.
    logits = np.full((1, 4, 4), -50, np.float32)
    logits[..., 1], logits[..., 3] = np.log(3), 0
    outputs = [np.ones((1, 1, 1), np.float32), logits.reshape(1, 1, 16)]
    given = contract("picodet", (64, 64), (64,), labels=1)
    # From the centre (32, 32), 96 pixels each way, clipped to the picture.
    np.testing.assert_allclose(decode(given, outputs, (64, 64)).boxes, [[0, 0, 64, 64]])
    logits[..., 3] = -50
    logits[..., 0] = np.log(3)
    outputs[1] = logits.reshape(1, 1, 16)
    # Halves at 0 and 1: 32 pixels each way.
    np.testing.assert_allclose(decode(given, outputs, (640, 640)).boxes, [[0, 0, 640, 640]], atol=1e-3)


def test_of_boxes_of_one_class_at_one_place_the_best_is_left() -> None:
    rows = np.zeros((1, 4, 7), np.float32)
    rows[0, 0] = [0.5, 0.5, np.log(2), np.log(2), 0.9, 1, 0]
    rows[0, 1] = [-0.5, 0.5, np.log(2), np.log(2), 0.8, 1, 0]
    rows[0, 3] = [-0.5, -0.5, np.log(2), np.log(2), 0.7, 0, 1]
    found = decode(contract("yolox", (16, 16), (8,)), [rows], (16, 16))
    np.testing.assert_allclose(found.scores, [0.9, 0.7], atol=1e-6)
    np.testing.assert_array_equal(found.class_ids, [0, 1])


def test_a_class_map_covers_the_picture_and_unknown_ids_are_unlabelled() -> None:
    ids = np.array([[[0, 1], [2, -1]]], np.int32)
    found = decode(contract("class_map", (8, 8)), [ids], (4, 6))
    assert found.mask is not None
    assert found.mask.dtype == np.uint8
    np.testing.assert_array_equal(found.mask[:, ::3], [[0, 1], [0, 1], [255, 255], [255, 255]])
    with pytest.raises(ValueError, match="reads"):
        decode(contract("class_map", (8, 8)), [ids[0]], (4, 6))


def test_a_letterboxed_picture_lies_in_the_corner_in_bgr() -> None:
    image = np.full((10, 20, 3), (10, 20, 30), np.uint8)
    given = InputContract((16, 16), channels="BGR", fit="letterbox", padding=7)
    pixels, geometry = picture_input(image, given)
    assert (pixels.shape, pixels.dtype) == ((1, 3, 16, 16), np.float32)
    np.testing.assert_array_equal(pixels[0, :, 0, 0], [30, 20, 10])
    np.testing.assert_array_equal(pixels[0, 0, :, 3], [30] * 8 + [7] * 8)
    np.testing.assert_allclose(geometry.boxes_to_source(np.array([[0, 0, 16, 8]])), [[0, 0, 20, 10]])


def test_a_stretched_picture_is_normalised() -> None:
    image = np.full((10, 20, 3), (10, 20, 30), np.uint8)
    given = InputContract((8, 4), layout="NHWC", mean=(1.0, 2.0, 3.0), std=(3.0, 2.0, 9.0))
    pixels, geometry = picture_input(image, given)
    assert pixels.shape == (1, 8, 4, 3)
    np.testing.assert_allclose(pixels[0, 7, 3], [3, 9, 3])
    np.testing.assert_allclose(geometry.boxes_to_source(np.array([[0, 0, 4, 4]])), [[0, 0, 20, 5]])
    plain, _ = picture_input(image, InputContract((8, 4), layout="NHWC", dtype="uint8"))
    assert plain.dtype == np.uint8
    np.testing.assert_array_equal(plain[0, 0, 0], [10, 20, 30])
