"""Merging and pruning: which tokens go, what is left of them, and that every patch has a token again."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.backbones.registry import build_backbone
from vit_perception.layers.block import Block
from vit_perception.layers.token_reduction import ReducingBlock, TokenReduction, merge, prune, whole

MERGE, PRUNE = TokenReduction("merge", 0.25), TokenReduction("prune", 0.25)


def test_the_most_alike_are_merged_by_their_sizes():
    tokens = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [3.0, 0.1], [0.2, 1.0], [-1.0, 0.3]]])
    merged, patches = merge(tokens, tokens, whole(tokens, MERGE), 1)
    # Token 0 and token 3 point the same way, by the smallest angle.
    assert merged.shape == (1, 5, 2)
    assert patches.owner[0, 0] == patches.owner[0, 3]
    assert sorted(patches.size[0].tolist()) == [1, 1, 1, 1, 2]
    restored = patches.restore(merged)
    assert torch.allclose(restored[0, 0], torch.tensor([2.0, 0.05]))
    for index in (1, 2, 4, 5):
        assert torch.equal(restored[0, index], tokens[0, index])
    again, patches = merge(merged, merged, patches, 2)
    assert float(patches.size.sum()) == 6
    # Sizes weigh: no matter how it was merged, the mean over patches stays.
    assert torch.allclose(patches.restore(again).mean(dim=1), tokens.mean(dim=1), atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 5, 7, 16])
def test_any_number_of_tokens_can_be_merged(count):
    tokens = torch.randn(2, count, 4, generator=torch.Generator().manual_seed(0))
    gone = count // 2
    merged, patches = merge(tokens, tokens, whole(tokens, MERGE), gone)
    assert merged.shape == (2, count - gone, 4)
    assert int(patches.owner.max()) == count - gone - 1
    assert (patches.size.sum(dim=1) == count).all()


def test_the_least_seen_are_pruned_and_keep_their_last_value():
    tokens = torch.arange(12.0).reshape(1, 6, 2)
    scores = torch.tensor([[5.0, 1.0, 4.0, 0.0, 3.0, 2.0]])
    left, patches = prune(tokens, scores, whole(tokens, PRUNE), 2)
    assert torch.equal(left, tokens[:, [0, 2, 4, 5]])
    restored = patches.restore(left * 10)
    assert torch.equal(restored[0, [1, 3]], tokens[0, [1, 3]])
    assert torch.equal(restored[0, [0, 2, 4, 5]], tokens[0, [0, 2, 4, 5]] * 10)
    last, patches = prune(left * 10, torch.tensor([[0.0, 1.0, 2.0, 3.0]]), patches, 1)
    restored = patches.restore(last)
    assert torch.equal(restored[0, 0], tokens[0, 0] * 10)
    assert torch.equal(restored[0, [1, 3]], tokens[0, [1, 3]])


def test_values_go_to_tokens_and_back_without_loss():
    tokens = torch.randn(2, 9, 4, generator=torch.Generator().manual_seed(0))
    _, patches = merge(tokens, tokens, whole(tokens, MERGE), 4)
    values = torch.rand(2, 9, 3)
    pooled = patches.pool(values)
    assert pooled.shape == (2, 5, 3)
    assert torch.allclose(pooled.sum(dim=1), values.sum(dim=1))
    assert torch.allclose(patches.share(pooled).sum(dim=1), values.sum(dim=1))


def test_merging_equal_tokens_changes_no_answer():
    """A merged token counts as as many keys as it has patches: then equal tokens may be one."""
    torch.manual_seed(0)
    plain, reducing = Block(16, 2).eval(), ReducingBlock(16, 2).eval()
    reducing.load_state_dict(plain.state_dict())
    pairs = torch.randn(2, 6, 16).repeat_interleave(2, dim=1)
    x = torch.cat([torch.randn(2, 1, 16), pairs], dim=1)
    half = TokenReduction("merge", 0.5)
    with torch.no_grad():
        y, _, patches = reducing(x, whole(pairs, half), half)
        assert y.shape == (2, 7, 16)
        y, _, patches = reducing(y, patches, TokenReduction("merge", 0.01))  # of twelve patches none
        expected, _ = plain(x)
        expected, _ = plain(expected)
    assert torch.allclose(y[:, 0], expected[:, 0], atol=1e-5)
    assert torch.allclose(patches.restore(y[:, 1:]), expected[:, 1:], atol=1e-5)


@pytest.mark.parametrize("kind", ["merge", "prune"])
def test_a_checkpoint_fits_with_and_without(kind):
    settings = {
        "family": "vit",
        "patch_size": 8,
        "embed_dim": 32,
        "depth": 3,
        "num_heads": 2,
        "pos_grid": [4, 4],
    }
    plain = build_backbone(settings).eval()
    little = build_backbone(settings | {"reduction": {"kind": kind, "rate": 0.01}}).eval()
    little.load_state_dict(plain.state_dict(), strict=True)
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        # Of 16 patches a hundredth is none: the same numbers.
        assert torch.allclose(plain(image).patch_tokens, little(image).patch_tokens, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"kind": "forget"}, "unknown token reduction 'forget': choose from merge, prune"),
        ({"rate": 0.1}, "12 blocks cannot each give up 0.1 of the patches: rate must be at most 0.077"),
        ({"rate": 0.0}, "must be positive, not 0.0"),
    ],
)
def test_what_cannot_be_is_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        build_backbone({"family": "vit", "reduction": settings})


def test_tokens_that_stay_keep_their_order():
    """Else who meets whom in the next block would hang on the last digit of a similarity."""
    tokens = torch.randn(1, 12, 4, generator=torch.Generator().manual_seed(0))
    _, patches = merge(tokens, tokens, whole(tokens, MERGE), 2)
    counts = patches.size[0, patches.owner[0]]
    alone = patches.owner[0, ::2][counts[::2] == 1]
    assert torch.equal(alone, alone.sort().values)
