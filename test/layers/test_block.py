import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.layers.block import Block, DropPath


def test_block_is_pre_norm():
    torch.manual_seed(0)
    block = Block(16, 2, layer_scale=0.5).eval()
    x = torch.randn(2, 5, 16)
    middle = x + 0.5 * block.attn(block.norm1(x))[0]
    expected = middle + 0.5 * block.mlp(block.norm2(middle))
    torch.testing.assert_close(block(x)[0], expected)


def test_layer_scale_of_zero_is_identity():
    block = Block(16, 2, layer_scale=0.0).eval()
    x = torch.randn(2, 5, 16)
    assert torch.equal(block(x)[0], x)


def test_drop_path_keeps_the_mean_and_rests_in_evaluation():
    torch.manual_seed(0)
    drop = DropPath(0.4)
    x = torch.ones(4000, 2, 3)
    out = drop(x)
    assert out.unique().tolist() == pytest.approx([0.0, 1 / 0.6])
    assert (out == out[:, :1, :1]).all(), "a sample is dropped whole"
    assert out.mean().item() == pytest.approx(1.0, abs=0.05)
    assert torch.equal(drop.eval()(x), x)


def test_probability_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"drop_path 1\.0"):
        DropPath(1.0)
