"""Layer-wise rates for backbones of any kind."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")

from vit_perception.training.parameter_groups import layer_levels


def test_a_plain_vit_has_a_level_a_block():
    names = ["backbone.cls_token", "backbone.patch_embed.proj.weight", "backbone.blocks.0.norm1.weight"]
    names += ["backbone.blocks.1.attn.qkv.weight", "backbone.norm.weight"]
    assert list(layer_levels(names).values()) == [0, 0, 1, 2, 2]


def test_a_hierarchical_backbone_has_a_level_a_stage():
    names = ["backbone.patch_embed.proj.weight", "backbone.layers.0.blocks.0.mlp.fc1.weight"]
    names += ["backbone.layers.0.blocks.1.mlp.fc1.weight", "backbone.layers.1.downsample.norm.weight"]
    names += ["backbone.layers.1.blocks.0.mlp.fc1.weight", "backbone.norm.bias"]
    assert list(layer_levels(names).values()) == [0, 1, 1, 2, 2, 2]
