"""Layer-wise rates for backbones of any kind."""

from __future__ import annotations

import pytest

torch = torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")

from tiny_model import tiny_card
from vit_perception.model import build_model
from vit_perception.training.learning_rate import LearningRate, layer_levels, parameter_groups

RATE = LearningRate()


def test_a_plain_vit_has_a_level_a_block():
    names = ["backbone.cls_token", "backbone.patch_embed.proj.weight", "backbone.blocks.0.norm1.weight"]
    names += ["backbone.blocks.1.attn.qkv.weight", "backbone.norm.weight"]
    assert list(layer_levels(names).values()) == [0, 0, 1, 2, 2]


def test_a_hierarchical_backbone_has_a_level_a_stage():
    names = ["backbone.patch_embed.proj.weight", "backbone.layers.0.blocks.0.mlp.fc1.weight"]
    names += ["backbone.layers.0.blocks.1.mlp.fc1.weight", "backbone.layers.1.downsample.norm.weight"]
    names += ["backbone.layers.1.blocks.0.mlp.fc1.weight", "backbone.norm.bias"]
    assert list(layer_levels(names).values()) == [0, 1, 1, 2, 2, 2]


def test_learning_rate_falls_with_depth_and_every_parameter_is_in_once():
    model = build_model(tiny_card().architecture)
    groups = parameter_groups(model, RATE)
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert len(rates) == sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    depth = [rates[id(block.attn.qkv.weight)] for block in model.backbone.blocks]
    assert rates[id(model.backbone.pos_embed)] < depth[0] < depth[1] <= RATE.backbone
    assert rates[id(model.heads["detection"].scores.weight)] == RATE.heads
    decays = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert decays[id(model.backbone.norm.weight)] == decays[id(model.backbone.pos_embed)] == 0
    assert decays[id(model.backbone.blocks[0].attn.qkv.weight)] == RATE.weight_decay


def test_the_rate_warms_up_and_ends_at_zero():
    rate = LearningRate(warmup=0.1)
    assert [rate.share(progress) for progress in (0.0, 0.05, 1.0)] == pytest.approx([0, 0.5, 0], abs=0.01)
    assert rate.share(0.1) == max(rate.share(step / 100) for step in range(101))


def test_every_group_follows_its_own_peak():
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    optimiser = torch.optim.AdamW([{"params": [weight], "lr": 1.0, "peak": 0.2}])
    RATE.set(optimiser, 0.5)
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"heads": 0.0}, "heads must be positive, not 0.0"),
        ({"warmup": 0.0}, "warmup must be above 0"),
        ({"layer_decay": 1.5}, "layer_decay must be above 0 and at most 1, not 1.5"),
        ({"weight_decay": -0.1}, "weight_decay must be a number that is not negative"),
    ],
)
def test_a_learning_rate_names_the_wrong_value(setting, reason):
    with pytest.raises(ValueError, match=reason):
        LearningRate(**setting)
