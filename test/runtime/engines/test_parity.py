"""The engines compute the same numbers."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from vit_perception.cards import raw_outputs
from vit_perception.cards.card import OUR_HEADS, load_card
from vit_perception.runtime.engines import EngineUnavailable
from vit_perception.runtime.engines.select import count_cuda_devices, make_engine

CARD = load_card(Path(__file__).parents[2] / "fixtures" / "tiny")
# Landscape, a batch, and a square that no card lists.
SHAPES = [((84, 112), 1), ((112, 84), 3), ((70, 70), 1)]


def batch(size, count=1):
    return np.random.default_rng(1).integers(0, 256, (count, *size, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def reference():
    pytest.importorskip("torch", reason="torch, the reference, is not installed")
    return make_engine(CARD, "torch", "cpu")


@pytest.fixture(scope="module", params=["onnxruntime", "openvino"])
def engine(request):
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    if request.param == "onnxruntime":
        return make_engine(CARD, "onnxruntime", "cpu")
    from vit_perception.runtime.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(CARD, "fp32")


@pytest.mark.parametrize(("size", "count"), SHAPES)
def test_every_output_of_every_shape(reference, engine, size, count):
    assert engine.precision == reference.precision == "fp32"
    expected, got = reference(batch(size, count)), engine(batch(size, count))
    ours = {name for head in OUR_HEADS for name in raw_outputs.BY_HEAD[head]}
    assert set(got) == set(expected) == ours
    for name, values in expected.items():
        assert got[name].dtype == np.float32
        scale = np.abs(values).max()
        np.testing.assert_allclose(got[name], values, atol=1e-4 * scale, rtol=0, err_msg=name)


def test_answers_stay_when_the_next_frame_comes(engine):
    first = engine(batch((84, 112)))
    kept = {name: values.copy() for name, values in first.items()}
    engine(np.zeros((1, 84, 112, 3), np.uint8))
    for name, values in kept.items():
        np.testing.assert_array_equal(first[name], values)


def test_fewer_outputs_are_the_same_numbers(reference, engine):
    for one in (reference, engine):
        few = one(batch((84, 112)), ("classification", "segmentation"))
        for name in ("classification", "segmentation"):
            np.testing.assert_allclose(few[name], one(batch((84, 112)))[name], atol=1e-5)


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")
def test_half_precision_is_said_and_stays_near():
    from vit_perception.runtime.engines.openvino import OpenVinoEngine

    full, half = OpenVinoEngine(CARD, "fp32"), OpenVinoEngine(CARD, "bf16")
    assert half.precision == "bf16"
    assert OpenVinoEngine(CARD).precision in ("fp32", "bf16")
    expected, got = full(batch((84, 112))), half(batch((84, 112)))
    for name, values in expected.items():
        assert got[name].dtype == np.float32
        assert np.abs(got[name] - values).max() <= 0.05 * np.abs(values).max(), name
    with pytest.raises(
        EngineUnavailable, match="tiny has no int8 graph: make one with vit-perception quantize"
    ):
        OpenVinoEngine(CARD, "int8")
    with pytest.raises(EngineUnavailable, match="no precision fp16 here: choose from int8, bf16, fp32"):
        OpenVinoEngine(CARD, "fp16")


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")
def test_the_cache_is_used_and_does_not_grow_for_ever(tmp_path, monkeypatch):
    from vit_perception.runtime.engines import cache
    from vit_perception.runtime.engines.openvino import OpenVinoEngine

    monkeypatch.setenv(cache.CACHE_VARIABLE, str(tmp_path))
    expected = OpenVinoEngine(CARD)(batch((84, 112)))
    (blob,) = tmp_path.glob("*.blob")
    made = blob.stat().st_mtime
    for name, values in OpenVinoEngine(CARD)(batch((84, 112))).items():
        np.testing.assert_array_equal(values, expected[name])
    assert [each.stat().st_mtime for each in tmp_path.glob("*.blob")] == [made], "not compiled again"
    OpenVinoEngine(CARD)(batch((112, 84)))
    assert len(list(tmp_path.glob("*.blob"))) == 2
    cache.prune_cache(tmp_path, blob.stat().st_size * 3 // 2)
    (left,) = tmp_path.glob("*.blob")
    assert left != blob, "the newest stays"


@pytest.mark.skipif(count_cuda_devices() == 0, reason="this machine has no NVIDIA GPU")
@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-3), ("fp16", 2e-2), ("bf16", 1e-1)])
def test_a_gpu_computes_the_same(reference, name, precision, tolerance):
    """Twice each shape: the second time a recorded CUDA graph answers."""
    try:
        engine = make_engine(CARD, name, "cuda", precision)
    except EngineUnavailable as error:
        pytest.skip(str(error))
    for size, count in (*SHAPES, *SHAPES):
        expected, got = reference(batch(size, count)), engine(batch(size, count))
        for output, values in expected.items():
            # A logit near zero comes from terms that are not.
            scale = max(np.abs(values).max(), 1.0)
            np.testing.assert_allclose(got[output], values, atol=tolerance * scale, rtol=0, err_msg=output)


def test_openvino_keeps_to_the_outputs_that_it_was_made_for():
    pytest.importorskip("openvino", reason="openvino is not installed")
    everything = make_engine(CARD, "openvino", "cpu", "fp32")
    one = make_engine(CARD, "openvino", "cpu", "fp32", ["classification"])
    assert one.outputs == ("classification",)
    images = batch(*SHAPES[0])
    found = one(images)
    assert set(found) == {"classification"}
    np.testing.assert_allclose(found["classification"], everything(images)["classification"], atol=1e-5)
