"""Decomposed relative positions."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.layers.rel_pos import decomposed_bias, relative_positions


def test_a_row_a_distance():
    table = torch.arange(5.0).unsqueeze(1)  # distances -2 … 2
    assert relative_positions(3, 3, table)[..., 0].tolist() == [[2, 1, 0], [3, 2, 1], [4, 3, 2]]


def test_fewer_keys_count_in_steps_of_the_queries():
    table = torch.arange(7.0).unsqueeze(1)  # 2·4 - 1 distances
    assert relative_positions(4, 2, table)[..., 0].tolist() == [[2, 0], [3, 1], [4, 2], [5, 3]]


def test_a_table_of_another_length_is_resampled():
    table = torch.linspace(0.0, 1.0, 9).unsqueeze(1)
    found = relative_positions(3, 3, table)[..., 0]
    assert found[1, 1] == pytest.approx(0.5)
    assert (found.diff(dim=0) > 0).all()


def test_the_bias_is_the_sum_of_both_axes():
    torch.manual_seed(0)
    query, table_y, table_x = torch.randn(2, 3, 6, 4), torch.randn(3, 4), torch.randn(5, 4)
    bias = decomposed_bias(query, table_y, table_x, (2, 3), (2, 3))
    assert bias.shape == (2, 3, 6, 6)
    for q in range(6):
        for k in range(6):
            (qy, qx), (ky, kx) = divmod(q, 3), divmod(k, 3)
            row = table_y[qy - ky + 1] + table_x[qx - kx + 2]
            assert torch.allclose(bias[:, :, q, k], query[:, :, q] @ row, atol=1e-5)
