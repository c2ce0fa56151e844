"""What counts as a difference between a graph and torch, and that both engines are asked."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from vit_perception.cards.card import load_card
from vit_perception.export.comparison import compare, relative_differences

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"


def test_boxes_may_come_in_any_order_where_the_model_s_is_free():
    numbers = np.random.default_rng(0)
    expected = {"detection_boxes": numbers.random((2, 9, 4)), "detection_scores": numbers.random((2, 9, 5))}
    order = numbers.permutation(9)
    found = {name: values[:, order] for name, values in expected.items()}
    assert set(relative_differences(expected, found, in_order=False).values()) == {0.0}
    assert min(relative_differences(expected, found).values()) > 0.1
    wrong = {**found, "detection_boxes": found["detection_boxes"].copy()}
    wrong["detection_boxes"][1, 4, 2] += 0.05
    assert relative_differences(expected, wrong, in_order=False)["detection_boxes"] > 0.01
    swapped = {**found, "detection_scores": expected["detection_scores"]}
    assert max(relative_differences(expected, swapped, in_order=False).values()) > 0.1


def test_another_shape_is_no_small_difference():
    with pytest.raises(ValueError, match="depth has the shape"):
        relative_differences({"depth": np.ones((2, 3))}, {"depth": np.ones((1, 3))})


@pytest.fixture
def model():
    pytest.importorskip("torch", reason="what graphs are compared with")
    pytest.importorskip("onnxruntime", reason="an engine to compare")
    pytest.importorskip("openvino", reason="an engine to compare")
    from vit_perception.runtime.engines.torch import load_model

    return load_model(load_card(TINY))


def test_every_engine_is_compared_on_every_size_or_only_on_the_first(model, monkeypatch):
    from vit_perception.runtime.engines.onnxruntime import OnnxRuntimeEngine
    from vit_perception.runtime.engines.openvino import OpenVinoEngine

    card = dataclasses.replace(load_card(TINY), input_sizes=((42, 56), (56, 42)))
    ran = []
    for engine in (OnnxRuntimeEngine, OpenVinoEngine):

        def run(self, images, *others, whole=engine.__call__):
            ran.append((self.name, images.shape[1:3]))
            return whole(self, images, *others)

        monkeypatch.setattr(engine, "__call__", run)

    def answer(image):
        return model(image, attention=True)

    differences = compare(card, answer, 1e-3, every_size_on_all=True)
    assert len(differences) == 8
    assert max(differences.values()) < 1e-4
    assert ran == [(name, size) for size in card.input_sizes for name in ("onnxruntime", "openvino")]
    ran.clear()
    compare(card, answer, 1e-3, every_size_on_all=False)
    assert ran == [("onnxruntime", (42, 56)), ("openvino", (42, 56)), ("onnxruntime", (56, 42))]


@pytest.mark.parametrize("wrong", [1.01, float("nan")])
def test_what_differs_is_named(model, wrong):
    def answer(image):
        return {name: value * wrong for name, value in model(image, attention=True).items()}

    with pytest.raises(ValueError, match=r"ONNX differs from torch in \w+ by .* in onnxruntime, more than"):
        compare(load_card(TINY), answer, 1e-3, every_size_on_all=True)
