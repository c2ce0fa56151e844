"""Rollout: the definition's numbers where there is one, and a share for every patch where there is none."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from backbones.small import ATTENDING, scaled, small
from vit_perception.backbones.features import BlockAttention
from vit_perception.explain.rollout import gradient_rollout, rollout

PLAIN = ("vit", "deit_distilled", "dinov2_reg")


def looked(name, size=(40, 56), batch=2):
    torch.manual_seed(0)
    backbone = small(name).eval()
    features = backbone(
        torch.randn(batch, 3, *scaled(name, size)), attention_layers=range(backbone.num_blocks)
    )
    return backbone, features


@pytest.mark.parametrize("name", PLAIN)
def test_it_is_the_product_of_the_blocks(name):
    """Abnar and Zuidema's definition, matrix by matrix."""
    _, features = looked(name)
    product = None
    for index in sorted(features.attention):
        matrix = features.attention[index].weights[:, :, 0].mean(dim=1)
        matrix = 0.5 * matrix + 0.5 * torch.eye(matrix.shape[-1])
        matrix = matrix / matrix.sum(dim=-1, keepdim=True)
        product = matrix if product is None else matrix @ product
    assert torch.allclose(product.sum(dim=-1), torch.ones(()), atol=1e-5)
    num_prefix = features.attention[0].num_prefix
    expected = product[:, 0, num_prefix:]
    expected = expected / expected.sum(dim=-1, keepdim=True)
    found = rollout(features.attention)
    assert found.shape == (2, 5, 7)
    assert torch.allclose(found.flatten(1), expected, atol=1e-6)


@pytest.mark.parametrize("clip", [math.inf, 2.0])
@pytest.mark.parametrize("size", [(40, 56), (72, 40)])
@pytest.mark.parametrize("name", ATTENDING)
def test_every_backbone_gives_every_patch_its_share(name, size, clip):
    _, features = looked(name, size)
    found = rollout(features.attention, clip=clip)
    first = features.attention[0]
    assert found.shape == (2, *first.grid)
    assert torch.allclose(found.sum(dim=(1, 2)), torch.ones(2), atol=1e-5)
    assert (found > 0).all()
    assert not torch.allclose(found[0], found[1], atol=1e-6)  # each image its own


@pytest.mark.parametrize("name", ATTENDING)
def test_gradients_reach_every_backbone(name):
    backbone, features = looked(name)
    torch.manual_seed(1)
    head = torch.nn.Linear(backbone.embed_dim, 3)
    logits = head(features.cls_token)
    attention = features.attention
    gradients = torch.autograd.grad(
        logits[:, 0].sum(), [a.raw for a in attention.values()], retain_graph=True
    )
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    found = gradient_rollout(attention, logits[:, 0])
    assert found.shape == (2, *attention[0].grid)
    assert (found >= 0).all()
    assert torch.allclose(found.sum(dim=(1, 2)), torch.ones(2), atol=1e-5)


def test_gradient_rollout_is_chefers_product_and_of_one_class():
    backbone, features = looked("vit")
    torch.manual_seed(1)
    logits = torch.nn.Linear(backbone.embed_dim, 3)(features.cls_token)
    blocks = [features.attention[index] for index in sorted(features.attention)]
    maps = []
    for label in (0, 1):
        gradients = torch.autograd.grad(
            logits[:, label].sum(), [block.raw for block in blocks], retain_graph=True
        )
        relevance = torch.eye(36).expand(2, -1, -1)
        for block, gradient in zip(blocks, gradients, strict=True):
            relevance = relevance + (gradient * block.raw).clamp(min=0).mean(dim=1) @ relevance
        expected = relevance[:, 0, 1:] / relevance[:, 0, 1:].sum(dim=-1, keepdim=True)
        maps.append(expected)
    assert not torch.allclose(maps[0], maps[1], atol=1e-4)
    found = gradient_rollout(features.attention, logits[:, 1])
    assert torch.allclose(found.flatten(1), maps[1], atol=1e-5)


def blocks_with_an_outlier(number=6, patches=25, outlier=7):
    """All tokens read one patch above all others, whatever it shows; the class token also reads patch 12."""
    weights = torch.ones(1, 1, patches + 1, patches + 1)
    weights[..., 1 + outlier] = 40.0
    weights[:, :, 0, 1 + 12] = 8.0
    weights = weights / weights.sum(dim=-1, keepdim=True)
    return {index: BlockAttention(weights, (5, 5), 1) for index in range(number)}


def test_an_outlier_swallows_the_map_unless_it_is_clipped():
    attention = blocks_with_an_outlier()
    swallowed, clipped = rollout(attention).flatten(), rollout(attention, clip=1.0).flatten()
    assert int(swallowed.argmax()) == 7
    assert swallowed[7] > 0.5
    assert int(clipped.argmax()) == 12
    assert clipped[7] < 1.5 * clipped.median()


def test_starting_late_leaves_the_first_blocks_out():
    _, features = looked("vit")
    last = features.attention[2]
    found = rollout(features.attention, start=2)
    expected = last.weights[:, :, 0].mean(dim=1)[:, 0, 1:]
    assert torch.allclose(found.flatten(1), expected / expected.sum(dim=-1, keepdim=True), atol=1e-6)


def test_what_cannot_be_is_refused():
    attention = blocks_with_an_outlier(2)
    with pytest.raises(ValueError, match=r"no attention from block 5 on: there is \[0, 1\]"):
        rollout(attention, start=5)
    with pytest.raises(ValueError, match=r"no attention .* none"):
        rollout({})
    with pytest.raises(ValueError, match=r"at least 1, not 0\.5"):
        rollout(attention, clip=0.5)
    with pytest.raises(ValueError, match="the score has no gradient"):
        gradient_rollout(attention, torch.zeros(1))
