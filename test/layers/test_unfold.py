"""MobileViT's patches."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.layers.unfold import fold, unfold


def test_a_patch_holds_its_own_pixels():
    rows, columns = torch.meshgrid(torch.arange(4), torch.arange(6), indexing="ij")
    patches = unfold(torch.stack([rows, columns]).unsqueeze(0), 2)
    assert patches.shape == (1, 4, 6, 2)
    for patch in range(6):
        top, left = 2 * (patch // 3), 2 * (patch % 3)
        found = patches[0, :, patch].tolist()
        assert found == [[top, left], [top, left + 1], [top + 1, left], [top + 1, left + 1]]


def test_a_view_of_the_raster_would_mix_patches():
    """The textbook's mistake, so that the test above is known to catch it."""
    x = torch.arange(16).reshape(1, 1, 4, 4)
    viewed = x.reshape(1, 4, 4, 1).transpose(1, 2)
    assert not torch.equal(unfold(x, 2), viewed)
    assert viewed[0, :, 0, 0].tolist() == [0, 1, 2, 3]  # one row of pixels, out of two patches
    assert unfold(x, 2)[0, :, 0, 0].tolist() == [0, 1, 4, 5]


@pytest.mark.parametrize("size", [(4, 6), (2, 2), (6, 2)], ids=str)
def test_fold_undoes_unfold(size):
    x = torch.randn(2, 3, *size)
    assert torch.equal(fold(unfold(x, 2), 2, size), x)


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="map 5x4 is not divisible by the patch size 2"):
        unfold(torch.zeros(1, 1, 5, 4), 2)
