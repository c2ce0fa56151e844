"""What `auto` runs is compared with fp32, and a precision with other answers is left alone."""

import numpy as np
import pytest

pytest.importorskip("openvino", reason="the engine that has int8")

from scaled_int8 import NOT_FINITE, SAME, WRONG, with_int8
from vit_perception.export import auto_precision
from vit_perception.export.auto_precision import compare_auto
from vit_perception.runtime.engines import openvino as engine_module
from vit_perception.runtime.predictor import Predictor


def blocks(seed):
    colours = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.ascontiguousarray(np.kron(colours, np.ones((20, 20, 1), np.uint8)))


FRAMES = [blocks(seed) for seed in range(3)]


@pytest.fixture(autouse=True)
def int8_processor(monkeypatch):
    """The answers are the same on any, only slower."""
    monkeypatch.setattr(engine_module, "_has_int8_products", lambda: True)


def test_answers_that_are_the_same_are_on_the_card(tmp_path):
    said = []
    card = compare_auto(with_int8(tmp_path / "model", SAME), FRAMES, said.append)
    assert card.inexact == ()
    assert card.metrics["auto"]["runs"] == "openvino int8"
    assert card.metrics["auto"]["frames"] == 3
    assert card.metrics["auto"]["mask_agreement"] > 75
    assert said[0].startswith("openvino int8 against fp32 on 3 photographs: mask_agreement")


@pytest.mark.parametrize(
    ("scale", "reason"), [(WRONG, "75 % are needed"), (NOT_FINITE, "values that are not finite")]
)
def test_a_precision_with_other_answers_is_not_taken(tmp_path, scale, reason):
    said = []
    folder = with_int8(tmp_path / "model", scale)
    assert Predictor(folder).engine.precision == "int8"
    card = compare_auto(folder, FRAMES, said.append)
    assert "int8" in card.inexact
    assert said[0].startswith("auto does not take openvino int8: ")
    assert reason in said[0]
    assert Predictor(folder).engine.precision != "int8"
    assert Predictor(folder, "openvino", precision="int8").engine.precision == "int8", "asked for by name"


def test_the_photographs_are_of_a_camera_s_size():
    pytest.importorskip("skimage", reason="they come with it")
    assert {picture.shape for picture in auto_precision.photographs()} == {(480, 640, 3)}
