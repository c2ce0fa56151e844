"""A graph whose weights are taken out, saved, and put back computes what it did."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from vit_perception.cards.card import load_card

openvino = pytest.importorskip("openvino", reason="openvino is not installed")

from vit_perception.runtime.engines.openvino_compiler import shared_core
from vit_perception.runtime.engines.shared_weights import attach, detach, read_tensors

CARD = load_card(Path(__file__).parents[2] / "fixtures" / "tiny")


def folded():
    """The tiny graph, its weights constants under their own names."""
    from openvino.passes import ConstantFolding, Manager

    model = shared_core().read_model(CARD.file("onnx"))
    passes = Manager()
    passes.register_pass(ConstantFolding())
    passes.run_passes(model)
    return model


def answers(model):
    image = np.random.default_rng(0).normal(size=(1, 3, 84, 112)).astype(np.float32)
    return list(openvino.compile_model(model, "CPU")([image]).values())


def saved(model, folder):
    openvino.save_model(model, folder / "graph.xml", compress_to_fp16=False)
    return shared_core().read_model(folder / "graph.xml")


def test_out_and_back(tmp_path):
    expected = answers(folded())
    model = folded()
    detach(model, CARD.file("weights"))
    names = {parameter.get_friendly_name() for parameter in model.get_parameters()}
    assert "model.backbone.patch_embed.proj.weight" in names
    tensors = read_tensors(CARD.file("weights"))
    taken = sum(tensors[name[6:].removesuffix(".T")].nbytes for name in names - {"image"})
    saved(folded(), tmp_path)
    before = (tmp_path / "graph.bin").stat().st_size
    model = saved(model, tmp_path)
    assert taken > 40_000
    assert (tmp_path / "graph.bin").stat().st_size < before - 0.9 * taken
    attach(model, CARD.file("weights"))
    assert len(model.get_parameters()) == 1
    for value, wanted in zip(answers(model), expected, strict=True):
        np.testing.assert_array_equal(value, wanted)


def test_the_weights_of_another_model_are_refused(tmp_path):
    torch = pytest.importorskip("torch", reason="writes safetensors")
    from safetensors.torch import save_file

    model = folded()
    detach(model, CARD.file("weights"))
    model = saved(model, tmp_path)
    save_file({"backbone.norm.weight": torch.ones(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"other\.safetensors has no tensor '.*' as the graph reads it"):
        attach(model, tmp_path / "other.safetensors")


def test_a_constant_that_is_not_the_stored_weight_stays(tmp_path):
    """As after a pass that folds a scale into it."""
    torch = pytest.importorskip("torch", reason="writes safetensors")
    from safetensors.torch import load_file, save_file

    changed = shutil.copy(CARD.file("weights"), tmp_path / "changed.safetensors")
    tensors = load_file(changed)
    name = "backbone.patch_embed.proj.weight"
    save_file({**tensors, name: torch.zeros_like(tensors[name])}, changed)
    model = folded()
    detach(model, Path(changed))
    assert f"model.{name}" not in {parameter.get_friendly_name() for parameter in model.get_parameters()}
