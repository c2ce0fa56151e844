"""What the chapter this project grew from gets wrong, each pinned where a user would meet it.

Two more are with their parts: MobileViT's raster view (layers/test_unfold.py) and MAE's decoder
without positions and with mask tokens of the encoder's width (training/test_mae.py).
"""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from backbones.small import ATTENDING, SMALL, scaled, small
from vit_perception.explain.rollout import rollout
from vit_perception.heads.action import ActionHead
from vit_perception.heads.navigation import NavigationHead
from vit_perception.heads.navigation_config import GOAL_SIZE, NavigationConfig
from vit_perception.language.grounding import LanguageHead
from vit_perception.layers.block import Block
from vit_perception.model import build_model
from vit_perception.runtime.decode import navigation

PLAIN = ("vit", "deit_distilled", "dinov2_reg")
HIERARCHICAL = ("swin", "swin_v2", "mobilevit", "mobilevit_v2", "mvit", "cvt")


def model(**backbone):
    torch.manual_seed(0)
    return build_model(
        {
            "backbone": SMALL["vit"] | backbone,
            "pyramid": {"layers": [1, 2], "width": 16, "fine_width": 16},
            "num_classes": 5,
            "num_things": 3,
            "num_actions": 4,
        }
    )


def test_norm_comes_before_attention_and_mlp():
    """With nothing to add, a pre-norm block passes its tokens on as they are; post-norm would norm them."""
    block = Block(16, 2)
    with torch.no_grad():
        for layer in (block.attn.proj, block.mlp.fc2):
            layer.weight.zero_()
            layer.bias.zero_()
    x = 5 + 3 * torch.randn(2, 7, 16)
    assert torch.equal(block(x)[0], x)


@pytest.mark.parametrize("name", SMALL)
def test_dense_heads_get_every_patch_and_know_where_it_is(name):
    """Not the class token alone: what changes in one corner changes that corner of the map most."""
    backbone = small(name).eval()
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    other = image.clone()
    other[..., 48:, :16] += 2.0
    with torch.no_grad():
        first, second = backbone(image, layers=(0,)).maps[0], backbone(other, layers=(0,)).maps[0]
    change = (first - second).abs().mean(dim=1)[0]
    rows, columns = change.shape
    corner = change[3 * rows // 4 :, : columns // 4].mean()
    assert corner > 2 * change[: rows // 2, columns // 2 :].mean()


@pytest.mark.parametrize("name", PLAIN)
def test_positions_are_learned(name):
    backbone = small(name)
    assert "pos_embed" in backbone.state_dict()
    backbone(torch.randn(1, 3, 32, 40)).patch_tokens.square().mean().backward()
    assert backbone.pos_embed.grad.abs().sum() > 0


@pytest.mark.parametrize("name", SMALL)
def test_nothing_is_made_on_another_device(name):
    """What `forward` makes, it makes where the image is: on the meta device anything else would clash."""
    backbone = small(name).eval().to("meta")
    features = backbone(
        torch.zeros(1, 3, *scaled(name, (40, 56)), device="meta"), attention_layers=range(backbone.num_blocks)
    )
    assert features.patch_tokens.device.type == "meta"
    for attention in features.attention.values():
        assert attention.weights.device.type == "meta"


def test_the_distillation_token_has_a_position_of_its_own():
    backbone = small("deit_distilled").eval()
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        before = backbone(image).prefix_tokens
        backbone.pos_embed[:, 1] += 1.0
        after = backbone(image).prefix_tokens
    change = (before - after).abs().sum(dim=-1)[0]
    assert change[1] > change[0] > 0


@pytest.mark.parametrize("name", PLAIN)
def test_the_attention_map_is_what_the_class_token_reads(name):
    """Not `[0, 1:, 1:]`, which is what patches read of patches."""
    backbone = small(name).eval()
    with torch.no_grad():
        found = backbone(torch.randn(2, 3, 32, 40), attention_layers=(-1,)).attention[2]
    matrix = found.weights[:, :, 0]
    expected = matrix[:, :, 0, backbone.num_prefix :].reshape(2, -1, 4, 5)
    assert torch.equal(found.spatial(), expected)


@pytest.mark.parametrize("name", HIERARCHICAL)
def test_stages_merge_before_they_widen(name):
    backbone = small(name).eval()
    stages = range(len(backbone.feature_info))
    with torch.no_grad():
        maps = backbone(torch.randn(1, 3, 128, 64), layers=stages).maps
    for index in stages:
        info = backbone.feature_info[index]
        assert maps[index].shape[1:] == (info.channels, 128 // info.stride, 64 // info.stride)
    strides = [info.stride for info in backbone.feature_info]
    assert strides == [4 << index for index in stages]
    assert len({info.channels for info in backbone.feature_info}) > 1


def test_collision_is_one_logit_and_one_sigmoid():
    head = ActionHead(32, 2, 4)
    with torch.no_grad():
        head.collision.bias.fill_(7.0)
        outputs = head(small("vit")(torch.randn(1, 3, 32, 32)))
    logit = float(outputs["navigation_collision"])
    assert outputs["navigation_collision"].shape == (1, 1)
    assert logit > 1  # no probability yet
    decoded = navigation(
        {name: value[0].numpy() for name, value in outputs.items()},
        ("forward", "turn_left", "turn_right", "stop"),
    )
    assert decoded.collision == pytest.approx(1 / (1 + np.exp(-logit)), rel=1e-5)


def test_a_goal_is_a_token_with_a_layer_of_its_own():
    backbone = small("vit").eval()
    head = NavigationHead(32, backbone.stride, 4, NavigationConfig(depth=False, width=32)).eval()
    features = backbone(torch.randn(2, 3, 32, 32))
    with torch.no_grad():
        without = head(features)["navigation_action"]
        near, far = (
            head(features, goal=torch.tensor([goal] * 2))["navigation_action"]
            for goal in ([1.0, 0.0, 1.0, 1.0], [9.0, 1.0, 0.0, 1.0])
        )
    assert without.shape == near.shape == far.shape
    assert not torch.allclose(near, far)
    assert not torch.allclose(near, without)
    with pytest.raises(ValueError, match="goal has shape"):
        head(features, goal=torch.zeros(2, GOAL_SIZE + 1))


@pytest.mark.parametrize("name", ATTENDING)
def test_attention_is_there_when_it_is_asked_for(name):
    """The fused path has none to give, and a hook on it would capture None: asking takes the other path."""
    backbone = small(name).eval()
    with torch.no_grad():
        asked = backbone(
            torch.randn(1, 3, *scaled(name, (40, 56))), attention_layers=range(backbone.num_blocks)
        )
        silent = backbone(torch.randn(1, 3, *scaled(name, (40, 56))))
    assert sorted(asked.attention) == list(range(backbone.num_blocks))
    assert all(attention.weights.isfinite().all() for attention in asked.attention.values())
    assert not silent.attention


def test_checkpointing_renames_nothing_and_loses_no_gradient():
    plain, thrifty = model().train(), model().train()
    thrifty.backbone.checkpointing = True
    assert list(plain.state_dict()) == list(thrifty.state_dict())
    image = torch.randn(2, 3, 32, 32)
    for each in (plain, thrifty):
        torch.manual_seed(0)
        sum(output.square().mean() for output in each(image).values()).backward()
    for (name, one), other in zip(plain.named_parameters(), thrifty.parameters(), strict=True):
        if one.grad is not None:
            assert torch.allclose(one.grad, other.grad, atol=1e-5), name


@pytest.mark.parametrize("name", ATTENDING)
def test_rollout_is_a_distribution(name):
    backbone = small(name).eval()
    with torch.no_grad():
        features = backbone(
            torch.randn(2, 3, *scaled(name, (40, 56))), attention_layers=range(backbone.num_blocks)
        )
    assert torch.allclose(rollout(features.attention).sum(dim=(1, 2)), torch.ones(2), atol=1e-5)


def test_words_choose_what_they_look_at():
    """One key would be read whole whatever the query: here there are patches to weigh."""
    from vit_perception.language.text_encoder import TextFeatures

    backbone = small("vit").eval()
    head = LanguageHead(backbone.embed_dim, 12, 2).eval()
    features = backbone(torch.randn(1, 3, 32, 32))
    mask = torch.ones(1, 3, dtype=torch.bool)
    seen = []
    with torch.no_grad():
        for seed in (0, 1):
            tokens = torch.randn(1, 3, 12, generator=torch.Generator().manual_seed(seed))
            seen.append(head.text_to_image(head.norm_text(head.text_proj(tokens)), features.patch_tokens))
            assert head(features, TextFeatures(tokens, tokens[:, 0], mask))["language_match"].shape == (1, 1)
    assert not torch.allclose(seen[0], seen[1], atol=1e-3)
