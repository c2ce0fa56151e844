import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.layers.pos_embed import interpolate_pos_embed


def test_same_grid_comes_back_bit_for_bit():
    embedding = torch.randn(1, 5 * 7, 8)
    assert torch.equal(interpolate_pos_embed(embedding, (5, 7), (5, 7)), embedding)


def test_rows_and_columns_are_not_swapped():
    rows = torch.arange(4.0).repeat_interleave(6).reshape(1, 24, 1)  # value = row of a 4x6 grid
    out = interpolate_pos_embed(rows, (4, 6), (8, 3)).reshape(8, 3)
    assert (out[1:] > out[:-1]).all(), "grows down the rows"
    torch.testing.assert_close(out[:, 0], out[:, 2], msg="constant along a row")


def test_wrong_length_is_refused():
    with pytest.raises(ValueError, match="10 rows, not 3x3"):
        interpolate_pos_embed(torch.zeros(1, 10, 4), (3, 3), (2, 2))
