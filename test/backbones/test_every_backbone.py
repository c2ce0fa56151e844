"""What every backbone promises to every head."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from backbones.small import ATTENDING, SMALL, scaled, small
from vit_perception.backbones.registry import FAMILIES, VARIANTS, build_backbone, family_of, make_backbone

SIZES = [(32, 32), (24, 56), (72, 40)]


def image(name: str, size: tuple[int, int], batch: int = 2, channels: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, channels, *scaled(name, size), generator=generator)


def everything(backbone, picture):
    return backbone(
        picture,
        layers=range(len(backbone.feature_info)),
        attention_layers=range(backbone.num_blocks),
    )


def test_every_family_has_a_small_one():
    assert {settings["family"] for settings in SMALL.values()} == set(FAMILIES)
    assert {family_of(config) for config in VARIANTS.values()} == set(FAMILIES)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_shapes_at_any_size(name, size):
    backbone = small(name).eval()
    with torch.no_grad():
        picture = image(name, size)
        features = everything(backbone, picture)
    rows, columns = features.grid
    dim = backbone.embed_dim
    assert features.cls_token.shape == (2, dim)
    assert features.prefix_tokens.shape == (2, backbone.num_prefix, dim)
    assert features.patch_tokens.shape == (2, rows * columns, dim)
    for index, info in enumerate(backbone.feature_info):
        found = features.maps[index].shape
        cells = (-(-picture.shape[2] // info.stride), -(-picture.shape[3] // info.stride))
        if name == "mobilevit_v2" and info.stride > 4:  # whole patches of two cells a side
            cells = (cells[0] + cells[0] % 2, cells[1] + cells[1] % 2)
        assert found == (2, info.channels, *cells)
    assert (rows, columns) == cells
    assert len(features.attention) == backbone.num_blocks


@pytest.mark.parametrize("name", SMALL)
def test_samples_of_a_batch_do_not_see_each_other(name):
    backbone = small(name).eval().double()  # in single precision, rounding alone differs by some 1e-5
    pictures = image(name, (40, 56), batch=3).double()
    with torch.no_grad():
        together = everything(backbone, pictures)
        alone = everything(backbone, pictures[1:2])
    assert torch.allclose(together.patch_tokens[1:2], alone.patch_tokens, atol=1e-5)
    for index in alone.attention:
        assert torch.allclose(
            together.attention[index].spatial()[1:2], alone.attention[index].spatial(), atol=1e-5
        )


@pytest.mark.parametrize("name", SMALL)
def test_asking_for_attention_changes_nothing_else(name):
    backbone = small(name).eval().double()  # in single precision, rounding alone differs by some 1e-6
    picture = image(name, (40, 56)).double()
    with torch.no_grad():
        plain, asked = backbone(picture), everything(backbone, picture)
    assert not plain.attention
    assert not plain.maps
    assert torch.allclose(plain.patch_tokens, asked.patch_tokens, atol=1e-12)
    assert torch.allclose(plain.cls_token, asked.cls_token, atol=1e-12)


@pytest.mark.parametrize("name", ATTENDING)
def test_attention_is_a_distribution_over_its_keys_and_knows_its_place(name):
    backbone = small(name).eval()
    with torch.no_grad():
        features = everything(backbone, image(name, (40, 56)))
    for attention in features.attention.values():
        batch, heads, groups, queries, keys = attention.weights.shape
        assert torch.allclose(
            attention.weights.sum(dim=-1), torch.ones(batch, heads, groups, queries), atol=1e-5
        )
        assert attention.spatial().shape == (batch, heads, *attention.grid)
        tokens = attention.num_prefix + attention.grid[0] * attention.grid[1]
        leaving = attention.num_prefix + attention.query_grid[0] * attention.query_grid[1]
        grouped = attention.group(torch.ones(batch, leaving, 1))
        assert grouped.shape == (batch, groups, queries, 1)
        # Values of keys return to tokens without loss, but for what fell on padding.
        back = attention.ungroup(torch.ones(batch, groups, keys, 1))
        assert back.shape == (batch, tokens, 1)
        assert name == "vit_pruning" or (back > 0).all()  # what is pruned is read no more
        assert back.sum() <= groups * keys * batch + 1e-3


@pytest.mark.parametrize("name", SMALL)
def test_where_things_are_matters(name):
    backbone = small(name).eval()
    picture = image(name, (32, 32), batch=1)
    with torch.no_grad():
        here, there = (backbone(x).cls_token for x in (picture, picture.flip(-1)))
    assert not torch.allclose(here, there, atol=1e-4)


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_gets_a_gradient(name):
    backbone = small(name).train()
    features = everything(backbone, image(name, (40, 56)))
    total = features.patch_tokens.square().mean() + features.prefix_tokens.square().sum()
    total = total + features.cls_token.square().mean()
    for feature in features.maps.values():
        total = total + feature.square().mean()
    total.backward()
    silent = [n for n, p in backbone.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not silent


@pytest.mark.parametrize("name", SMALL)
def test_checkpointing_changes_neither_keys_nor_outputs_nor_gradients(name):
    plain = small(name).train()
    thrifty = copy.deepcopy(plain)
    thrifty.checkpointing = True
    assert list(plain.state_dict()) == list(thrifty.state_dict())
    picture = image(name, (40, 56))
    outputs = []
    for backbone in (plain, thrifty):
        features = backbone(picture, layers=(0,))
        outputs.append(features.patch_tokens.detach())
        (features.patch_tokens.square().mean() + features.maps[0].square().mean()).backward()
    assert torch.allclose(*outputs, atol=1e-6)
    for (key, first), second in zip(plain.named_parameters(), thrifty.parameters(), strict=True):
        assert (first.grad is None) == (second.grad is None), key
        if first.grad is not None:
            assert torch.allclose(first.grad, second.grad, atol=1e-5), key
    for (key, first), second in zip(plain.named_buffers(), thrifty.buffers(), strict=True):
        assert torch.equal(first, second), f"{key}: counted twice"


@pytest.mark.parametrize("name", ATTENDING)
def test_checkpointing_computes_blocks_again(name):
    """And so it must: that is where the memory is saved."""
    backbone = small(name).train()
    backbone.checkpointing = True
    calls = dict.fromkeys((key for key, _ in backbone.named_modules() if key.endswith("norm1")), 0)
    for key in calls:
        backbone.get_submodule(key).register_forward_pre_hook(
            lambda *_, key=key: calls.update({key: calls[key] + 1})
        )
    backbone(image(name, (40, 56))).patch_tokens.square().mean().backward()
    assert len(calls) == backbone.num_blocks
    assert set(calls.values()) == {2}
    with torch.no_grad():
        backbone(image(name, (40, 56)))
    assert set(calls.values()) == {3}


@pytest.mark.parametrize("name", SMALL)
def test_any_number_of_input_channels(name):
    backbone = small(name, in_chans=5).eval()
    with torch.no_grad():
        assert backbone(image(name, (32, 40), channels=5)).cls_token.isfinite().all()
    assert dict(backbone.named_parameters())[backbone.first_conv].shape[1] == 5
    with pytest.raises(ValueError, match=r"shape \(2, 3, \d+, \d+\), not \(B, 5, H, W\)"):
        backbone(image(name, (32, 40)))


@pytest.mark.parametrize("name", SMALL)
def test_indices_are_checked(name):
    backbone = small(name)
    with pytest.raises(ValueError, match="layer 99 does not exist"):
        backbone(image(name, (32, 32)), layers=(99,))
    with pytest.raises(ValueError, match="block -99 does not exist"):
        backbone(image(name, (32, 32)), attention_layers=(-99,))


@pytest.mark.parametrize("name", ATTENDING)
def test_negative_indices_count_from_the_end(name):
    backbone = small(name).eval()
    with torch.no_grad():
        features = backbone(image(name, (32, 32)), layers=(-1,), attention_layers=(-1,))
    assert set(features.maps) == {len(backbone.feature_info) - 1}
    assert set(features.attention) == {backbone.num_blocks - 1}


def test_convolutions_alone_have_no_block_to_ask():
    backbone = small("efficientnet_lite")
    with pytest.raises(ValueError, match="block -1 does not exist: this EfficientNetLite has 0"):
        backbone(image("efficientnet_lite", (32, 32)), attention_layers=(-1,))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_standard_size_is_what_its_name_says(name):
    with torch.device("meta"):
        backbone = make_backbone(VARIANTS[name])
    assert backbone.embed_dim % backbone.num_heads == 0
    assert sum(p.numel() for p in backbone.parameters()) > 1e5
    for word in name.split("_"):
        if word.startswith("patch"):
            assert VARIANTS[name].patch_size == int(word.removeprefix("patch"))


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="unknown family 'resnet': choose from"):
        build_backbone({"family": "resnet"})
    with pytest.raises(ValueError, match="unknown variant 'vit_huge'"):
        build_backbone({"variant": "vit_huge"})
    with pytest.raises(ValueError, match="neither or both of family and variant"):
        build_backbone({"family": "vit", "variant": "vit_tiny_patch16"})
    with pytest.raises(ValueError, match="wings"):
        build_backbone({"variant": "vit_tiny_patch16", "wings": 2})
