"""Antialiased bicubic resampling by matrices is torch's own."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

import torch.nn.functional as F

from vit_perception.layers.resample import antialiased_bicubic, cubic_matrix

SIZES = [((37, 37), (8, 12)), ((14, 14), (20, 9)), ((37, 37), (24, 32)), ((5, 7), (3, 11)), ((2, 2), (1, 1))]


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_it_is_what_torch_computes(source, target):
    x = torch.randn(2, 3, *source, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(x, size=target, mode="bicubic", antialias=True)
    assert torch.allclose(antialiased_bicubic(x, target), expected, atol=5e-6)


def test_the_same_size_changes_no_bit():
    x = torch.randn(1, 2, 14, 14, generator=torch.Generator().manual_seed(0))
    assert torch.equal(antialiased_bicubic(x, (14, 14)), x)


def test_rows_sum_to_one():
    rows = cubic_matrix(37, 9, torch.zeros(())).sum(dim=1)
    assert torch.allclose(rows, torch.ones(9), atol=1e-6)
