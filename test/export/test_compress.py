"""Smaller models: what is superfluous goes first and for nothing, and the rest makes up for what is not."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from vit_perception import cli
from vit_perception.cards.card import load_card
from vit_perception.export import quantize as quantize_module
from vit_perception.export.compress import compress
from vit_perception.model import build_model
from vit_perception.runtime.engines.torch import load_model
from vit_perception.runtime.predictor import Predictor

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"
CARD = load_card(TINY)
FRAMES = [
    cv2.resize(frame, (112, 84))
    for frame in np.random.default_rng(5).integers(0, 256, (12, 6, 8, 3), np.uint8)
]


def silent(_):
    return None


def image():
    return torch.randn(1, 3, 84, 112, generator=torch.Generator().manual_seed(0))


def outputs(model):
    with torch.no_grad():
        return model(image(), attention=True)


def assert_near(model, other, tolerance):
    expected = outputs(other)
    for name, values in outputs(model).items():
        if name != "attention":
            error = (values - expected[name]).abs().max() / expected[name].abs().max()
            assert error < tolerance, name


def test_neurons_that_say_nothing_go_and_nothing_changes():
    model = load_model(CARD)
    for block in model.backbone.blocks:
        with torch.no_grad():
            block.mlp.fc2.weight[:, ::2] = 0.0
    smaller, architecture = compress(CARD, model, FRAMES, mlp_ratio=2.0, report=silent)
    assert architecture["backbone"]["mlp_ratio"] == 2.0
    assert smaller.backbone.blocks[0].mlp.fc1.out_features == 32
    assert_near(smaller, model, 2e-2)


def test_the_blocks_of_a_hybrid_get_smaller_too():
    architecture = CARD.architecture | {
        "backbone": {"family": "hybrid", "embed_dim": 32, "depth": 2, "num_heads": 2, "pos_grid": [4, 4]},
        "pyramid": {"layers": [0, 1, 2, 4], "width": 16, "fine_width": 16},
    }
    card = dataclasses.replace(CARD, architecture=architecture, patch_size=32, input_sizes=((64, 96),))
    model = build_model(architecture).eval()
    smaller, changed = compress(card, model, FRAMES, mlp_ratio=2.0, report=silent)
    assert changed["backbone"]["family"] == "hybrid"
    assert {block.mlp.fc1.out_features for block in smaller.backbone.blocks} == {64}
    assert smaller(torch.randn(1, 3, 64, 96))["segmentation"].isfinite().all()


def test_a_head_that_repeats_another_goes_and_that_makes_up_for_it():
    model = load_model(CARD)
    for block in model.backbone.blocks:
        with torch.no_grad():
            for parameter in (block.attn.qkv.weight, block.attn.qkv.bias):
                parts = parameter.view(3, 2, 8, -1)
                parts[:, 1] = parts[:, 0]
    smaller, architecture = compress(CARD, model, FRAMES, num_heads=1, report=silent)
    assert (architecture["backbone"]["num_heads"], architecture["backbone"]["head_dim"]) == (1, 8)
    assert outputs(smaller)["attention"].shape == (1, 1, 6, 8)
    assert_near(smaller, model, 2e-2)


def test_refitting_is_better_than_cutting():
    """By a measure that it does not optimise: outputs on an image it has not seen."""
    model = load_model(CARD)
    smaller, _ = compress(CARD, model, FRAMES, mlp_ratio=3.0, report=silent)
    cut = load_model(CARD)
    for block, fitted in zip(cut.backbone.blocks, smaller.backbone.blocks, strict=True):
        kept = (block.mlp.fc1.weight[:, None] == fitted.mlp.fc1.weight[None]).all(-1).any(-1)
        assert kept.sum() == 48
        with torch.no_grad():
            block.mlp.fc2.weight[:, ~kept] = 0.0
    expected = outputs(model)["segmentation"]
    errors = [(outputs(each)["segmentation"] - expected).square().mean() for each in (smaller, cut)]
    assert errors[0] < 0.7 * errors[1]


def test_the_model_itself_stays():
    model = load_model(CARD)
    compress(CARD, model, FRAMES, num_heads=1, mlp_ratio=1.0, report=silent)
    for one, other in zip(outputs(model).values(), outputs(load_model(CARD)).values(), strict=True):
        assert torch.equal(one, other)


def test_the_command_writes_a_model_that_runs(tmp_path, capsys, monkeypatch):
    pytest.importorskip("nncf", reason="NNCF is not installed")
    # One part to be tried in higher precision: the others take as long, each.
    monkeypatch.setattr(quantize_module, "SENSITIVE", {"heads": quantize_module.SENSITIVE["heads"]})
    for index, frame in enumerate(FRAMES):
        cv2.imwrite(str(tmp_path / f"{index}.png"), frame)
    folder = tmp_path / "small"
    arguments = ["compress", str(TINY), "--data", str(tmp_path), "--output", str(folder)]
    assert cli.main([*arguments, "--heads", "1", "--mlp-ratio", "2", "--int8"]) == 0
    printed = capsys.readouterr().out
    assert "latency_ms_before" in printed
    card = load_card(folder)
    assert card.name == "small"
    assert card.architecture["backbone"]["head_dim"] == 8
    assert card.metrics["compressed"]["parameters"] < card.metrics["compressed"]["parameters_before"]
    perception = Predictor(folder, precision="int8")(FRAMES[0])
    assert perception.segmentation.mask.shape == (84, 112)


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"num_heads": 0}, "heads is 0: the model has 2, so give from 1 to that"),
        ({"num_heads": 3}, "heads is 3"),
        ({"mlp_ratio": 5.0}, "mlp-ratio is 5: give more than 0 and at most 4"),
        ({"mlp_ratio": 0.0}, "mlp-ratio is 0"),
    ],
)
def test_what_cannot_be(choice, says):
    with pytest.raises(ValueError, match=says):
        compress(CARD, load_model(CARD), FRAMES, **choice, report=silent)
    with pytest.raises(ValueError, match="no frames to measure on"):
        compress(CARD, load_model(CARD), [], report=silent)
