"""Patches: two ways to embed them, and images of other channels."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

import torch.nn.functional as F

from vit_perception.layers.patch_embed import (
    OverlapPatchEmbed,
    PatchEmbed,
    adapt_in_chans,
    resample_patches,
    unfold_patches,
)
from vit_perception.layers.resample import antialiased_bicubic


@pytest.mark.parametrize("size", [(32, 32), (24, 40)])
def test_a_linear_map_of_unfolded_patches_is_the_convolution(size):
    torch.manual_seed(0)
    embed = PatchEmbed(8, 3, 16).double()
    image = torch.randn(2, 3, *size, dtype=torch.float64)
    linear = F.linear(unfold_patches(image, 8), embed.proj.weight.flatten(1), embed.proj.bias)
    assert torch.allclose(embed(image), linear, atol=1e-12)


def test_patches_are_in_raster_order():
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert unfold_patches(image, 2)[0].tolist() == [
        [0, 1, 4, 5],
        [2, 3, 6, 7],
        [8, 9, 12, 13],
        [10, 11, 14, 15],
    ]


def test_an_image_of_broken_patches_is_refused():
    with pytest.raises(ValueError, match="image 30x32 is not divisible by the patch size 8"):
        PatchEmbed(8, 3, 16)(torch.zeros(1, 3, 30, 32))


def test_overlapping_patches_see_their_neighbours():
    torch.manual_seed(0)
    embed = OverlapPatchEmbed(3, 8, kernel_size=7, stride=4, padding=2, norm_eps=1e-5)
    image = torch.randn(1, 3, 16, 24)
    before = embed(image)
    assert before.shape == (1, 4, 6, 8)
    image[..., 4, 4] += 1.0  # belongs to cell (1, 1); the kernels of the cells before it reach it too
    changed = (embed(image) - before).abs().sum(-1)[0] > 1e-6
    assert changed[:2, :2].all()
    assert not changed[2:].any()
    assert not changed[:, 2:].any()


def test_a_grey_image_gives_the_tokens_of_the_same_image_in_rgb():
    weight = torch.randn(8, 3, 4, 4)
    grey = torch.randn(1, 1, 16, 16)
    expected = F.conv2d(grey.expand(-1, 3, -1, -1), weight, stride=4)
    assert torch.allclose(F.conv2d(grey, adapt_in_chans(weight, 1), stride=4), expected, atol=1e-5)


@pytest.mark.parametrize("in_chans", [2, 4, 6, 7])
def test_more_channels_start_where_rgb_was(in_chans):
    """A picture whose channels all agree looks as it did."""
    weight = torch.randn(8, 1, 4, 4).expand(-1, 3, -1, -1)
    grey = torch.randn(1, 1, 16, 16)
    expected = F.conv2d(grey.expand(-1, 3, -1, -1), weight, stride=4)
    adapted = adapt_in_chans(weight, in_chans)
    assert adapted.shape == (8, in_chans, 4, 4)
    assert torch.allclose(F.conv2d(grey.expand(-1, in_chans, -1, -1), adapted, stride=4), expected, atol=1e-4)


def test_adapting_to_the_same_channels_changes_nothing():
    weight = torch.randn(8, 3, 4, 4)
    assert torch.equal(adapt_in_chans(weight, 3), weight)


def test_larger_patches_see_what_the_small_ones_saw():
    torch.manual_seed(0)
    weight = torch.randn(6, 3, 4, 4, dtype=torch.float64)
    larger = resample_patches(weight, 10)
    assert larger.shape == (6, 3, 10, 10)
    image = torch.randn(1, 3, 30, 50, dtype=torch.float64)
    # Every patch by itself, so that none of its neighbours is seen.
    patches = F.unfold(image, 10, stride=10).transpose(1, 2).reshape(15, 3, 10, 10)
    shrunk = antialiased_bicubic(patches, (4, 4))
    expected = F.conv2d(shrunk, weight).reshape(3, 5, 6).permute(2, 0, 1)[None]
    assert torch.allclose(F.conv2d(image, larger, stride=10), expected, atol=1e-12)


def test_patches_of_the_same_size_stay():
    weight = torch.randn(6, 3, 4, 4)
    assert torch.allclose(resample_patches(weight, 4), weight, atol=1e-6)
