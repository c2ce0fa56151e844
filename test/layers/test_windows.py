"""Windows of a map, whole or not."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.layers.windows import merge, padded, partition


@pytest.mark.parametrize("size", [(6, 9), (7, 8), (2, 2), (3, 3)], ids=str)
@pytest.mark.parametrize("window", [(3, 3), (2, 4)], ids=str)
def test_merge_undoes_partition(size, window):
    x = torch.arange(2 * size[0] * size[1] * 5).float().reshape(2, *size, 5)
    windows = partition(x, window)
    rows, columns = padded(size, window)
    assert windows.shape == (2, rows * columns // (window[0] * window[1]), window[0] * window[1], 5)
    assert torch.equal(merge(windows, window, size), x)


def test_a_window_holds_neighbours_in_raster_order():
    x = torch.arange(24).reshape(1, 4, 6, 1)
    assert partition(x, (2, 3))[0, 3, :, 0].tolist() == [15, 16, 17, 21, 22, 23]


def test_padding_is_zero_below_and_to_the_right():
    windows = partition(torch.ones(1, 3, 3, 1), (2, 2))
    assert windows[0, :, :, 0].tolist() == [[1, 1, 1, 1], [1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
