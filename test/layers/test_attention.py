import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.layers.attention import Attention, CrossAttention


@pytest.mark.parametrize("tokens", [1, 7, 50])
def test_fused_and_weighted_paths_agree(tokens):
    torch.manual_seed(0)
    attention = Attention(48, 6).eval()
    x = torch.randn(2, tokens, 48)
    fused, none = attention(x)
    explicit, weights = attention(x, need_weights=True)
    assert none is None
    assert weights.shape == (2, 6, tokens, tokens)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 6, tokens))
    torch.testing.assert_close(fused, explicit, atol=1e-6, rtol=0)


def test_cross_attention_reads_only_its_context():
    torch.manual_seed(0)
    attention = CrossAttention(16, 4)
    query, context = torch.randn(1, 2, 16), torch.randn(1, 5, 16)
    out = attention(query, context)
    assert out.shape == (1, 2, 16)
    changed = context.clone()
    changed[0, 3] += 1.0
    assert not torch.allclose(out, attention(query, changed))
    # A set has no order.
    torch.testing.assert_close(out, attention(query, context.flip(1)), atol=1e-6, rtol=1e-5)


def test_heads_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="embed_dim 10 is not divisible by num_heads 3"):
        Attention(10, 3)
