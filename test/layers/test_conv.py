"""Depth-wise convolutions on a CPU compute in float32, whatever autocast says."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.layers.conv import DepthwiseConv


def test_autocast_leaves_it_in_single_precision():
    torch.manual_seed(0)
    layer, x = DepthwiseConv(4, 5), torch.randn(1, 4, 6, 8)
    expected = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
        assert torch.nn.Conv2d(4, 4, 1)(x).dtype == torch.bfloat16
        assert layer(x.bfloat16()).dtype == torch.float32
    assert torch.equal(found, expected)


def test_channels_do_not_see_each_other():
    layer = DepthwiseConv(3, 3, stride=2)
    x = torch.zeros(1, 3, 6, 8)
    x[:, 1] = 1.0
    y = layer(x)
    assert y.shape == (1, 3, 3, 4)
    assert y[:, 1].abs().sum() > 0
    assert not y[:, [0, 2]].any()
