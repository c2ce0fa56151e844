"""Which engine runs, and what a user reads when none can."""

import importlib.util
import sys
from pathlib import Path

import pytest

from vit_perception.cards.card import load_card
from vit_perception.install_hint import pip_install
from vit_perception.runtime.engines import EngineUnavailable, openvino_compiler, select
from vit_perception.runtime.engines.select import make_engine

CARD = load_card(Path(__file__).parents[2] / "fixtures" / "tiny")


@pytest.fixture
def without(monkeypatch):
    """Make libraries unimportable, as where they are not installed."""

    def hide(*libraries):
        for library in libraries:
            monkeypatch.setitem(sys.modules, library, None)

    return hide


def test_auto_takes_the_quickest_that_is_installed(without):
    pytest.importorskip("openvino")
    pytest.importorskip("onnxruntime")
    assert make_engine(CARD, "auto", "cpu").name == "openvino"
    without("openvino")
    assert make_engine(CARD, "auto", "cpu").name == "onnxruntime"


def test_auto_falls_back_to_torch(without):
    pytest.importorskip("torch")
    without("openvino", "onnxruntime")
    engine = make_engine(CARD, "auto", "cpu")
    assert (engine.name, engine.device, engine.precision) == ("torch", "cpu", "fp32")


def test_no_engine_at_all_names_each_and_what_to_install(without):
    without("openvino", "onnxruntime", "torch")
    with pytest.raises(EngineUnavailable) as refusal:
        make_engine(CARD, "auto", "cpu")
    text = str(refusal.value)
    assert text.startswith("engine auto on device cpu cannot run here.")
    for library in ("openvino", "onnxruntime", "torch"):
        assert f"{library} on cpu: not installed: {pip_install(library)}" in text


def test_an_engine_asked_for_by_name_is_not_replaced(without):
    without("openvino")
    with pytest.raises(EngineUnavailable, match=r"openvino on cpu: not installed: pip install .*openvino"):
        make_engine(CARD, "openvino")


def test_a_broken_installation_is_passed_over_with_its_reason(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("openvino")
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").write_text("raise ImportError('libtbb.so.12: cannot open')\n")
    monkeypatch.syspath_prepend(tmp_path)
    # As in a process that has made no core yet.
    monkeypatch.setattr(openvino_compiler, "shared_core", openvino_compiler.shared_core.__wrapped__)
    for name in [name for name in sys.modules if name.split(".")[0] == "openvino"]:
        monkeypatch.delitem(sys.modules, name)
    assert make_engine(CARD, "auto", "cpu").name == "onnxruntime"
    with pytest.raises(EngineUnavailable, match=r"broken \(libtbb\.so\.12: cannot open\): install it again"):
        make_engine(CARD, "openvino", "cpu")


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(select, "count_cuda_devices", lambda: 0)
    with pytest.raises(EngineUnavailable, match="no NVIDIA GPU with a working driver"):
        make_engine(CARD, "auto", "cuda")


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")
def test_openvino_does_not_use_cuda(monkeypatch):
    monkeypatch.setattr(select, "count_cuda_devices", lambda: 1)
    with pytest.raises(EngineUnavailable, match="it does not use cuda: choose from onnxruntime, torch"):
        make_engine(CARD, "openvino", "cuda")
    assert make_engine(CARD, "openvino", "auto").device == "cpu"


def test_unknown_precision():
    with pytest.raises(
        ValueError, match="unknown precision 'int4': choose from auto, int8, fp16, bf16, fp32"
    ):
        make_engine(CARD, "auto", "auto", "int4")


def test_a_precision_that_the_engine_lacks_is_refused_with_those_it_has():
    pytest.importorskip("torch")
    with pytest.raises(EngineUnavailable, match="torch on cpu: it has no bf16 on cpu: choose from fp32"):
        make_engine(CARD, "torch", "cpu", "bf16")


@pytest.mark.parametrize(
    ("engine", "device", "says"),
    [
        ("tensorrt", "auto", "unknown engine 'tensorrt': choose from auto, openvino, onnxruntime, torch"),
        ("auto", "tpu", "unknown device 'tpu': choose from auto, cpu, cuda"),
    ],
)
def test_unknown_names(engine, device, says):
    with pytest.raises(ValueError, match=says):
        make_engine(CARD, engine, device)


def test_the_driver_can_be_asked_without_torch():
    assert select.count_cuda_devices() >= 0
