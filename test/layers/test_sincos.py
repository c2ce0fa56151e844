"""Fixed positions of a grid."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.layers.sincos import sincos_positions


def test_first_half_is_x_second_half_is_y_sines_before_cosines():
    positions = sincos_positions((2, 3), 8)
    assert positions.shape == (1, 6, 8)
    for index in range(6):
        y, x = divmod(index, 3)
        expected = [f(axis * w) for axis in (x, y) for f in (math.sin, math.cos) for w in (1.0, 0.01)]
        assert positions[0, index].tolist() == pytest.approx(expected, abs=1e-6)


def test_every_place_has_its_own():
    positions = sincos_positions((7, 9), 16)[0]
    assert torch.cdist(positions, positions).fill_diagonal_(1.0).min() > 0.1


def test_width_is_checked():
    with pytest.raises(ValueError, match="divisible by 4, not 6"):
        sincos_positions((2, 2), 6)
