"""Pooling choices, and the two heads of a distilled backbone."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from backbones.small import small
from vit_perception.backbones.features import TokenFeatures
from vit_perception.backbones.registry import build_backbone
from vit_perception.heads.classification import POOLINGS, ClassificationHead, DistilledHead


@pytest.fixture(scope="module")
def features():
    torch.manual_seed(0)
    tokens = torch.randn(2, 17, 16)
    return TokenFeatures(tokens[:, 0], tokens[:, :2], tokens[:, 2:], (3, 5))


def test_pooling_is_what_its_name_says(features):
    patches = features.patch_tokens
    assert torch.equal(POOLINGS["token"](features), features.cls_token)
    assert torch.equal(POOLINGS["avg"](features), patches.mean(dim=1))
    assert torch.equal(POOLINGS["max"](features), patches.max(dim=1).values)


@pytest.mark.parametrize("pooling", [("token",), ("avg",), ("avg", "max"), ("token", "avg", "max")])
def test_any_poolings_join(pooling, features):
    head = ClassificationHead(16, 5, pooling).eval()
    assert head.fc.in_features == 16 * len(pooling)
    assert head(features)["classification"].shape == (2, 5)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="unknown pooling 'gem': choose from token, avg, max"):
        ClassificationHead(16, 5, ("token", "gem"))
    with pytest.raises(ValueError, match="pooling is empty"):
        ClassificationHead(16, 5, ())


def test_two_logits_in_training_their_mean_in_evaluation(features):
    head = DistilledHead(16, 5)
    taught = head.train()(features)
    assert set(taught) == {"classification", "classification_distilled"}
    assert not torch.allclose(taught["classification"], taught["classification_distilled"])
    mean = (taught["classification"] + taught["classification_distilled"]) / 2
    assert torch.allclose(head.eval()(features)["classification"], mean)
    assert set(head(features)) == {"classification"}


def test_a_backbone_without_a_distillation_token_is_refused(features):
    alone = TokenFeatures(features.cls_token, features.prefix_tokens[:, :1], features.patch_tokens, (3, 5))
    with pytest.raises(ValueError, match="distilled: true"):
        DistilledHead(16, 5)(alone)


def test_it_is_timms_distilled_deit():
    pytest.importorskip("timm", reason="the reference implementation, a test dependency")
    from timm.models.deit import VisionTransformerDistilled

    shape = {"patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}
    reference = VisionTransformerDistilled(img_size=32, num_classes=5, **shape).eval()
    reference.set_distilled_training(True)
    backbone = build_backbone({"family": "vit", "pos_grid": [4, 4], "distilled": True, **shape}).eval()
    head = DistilledHead(16, 5).eval()
    state = reference.state_dict()
    backbone.load_state_dict({name: tensor for name, tensor in state.items() if "head" not in name})
    head.load_state_dict({name: tensor for name, tensor in state.items() if "head" in name})
    image = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(head(backbone(image))["classification"], reference(image), atol=1e-5)
        taught = head.train()(backbone(image))
        label, distilled = reference.train()(image)
    assert torch.allclose(taught["classification"], label, atol=1e-5)
    assert torch.allclose(taught["classification_distilled"], distilled, atol=1e-5)


def test_what_a_detector_finds_counts_too():
    torch.manual_seed(0)
    backbone = small("hybrid_picodet").eval()
    head = ClassificationHead(backbone.embed_dim, 5, num_things=3).eval()
    features = backbone(torch.randn(2, 3, 64, 96))
    scores = torch.full((2, 40, 3), -6.0, requires_grad=True)
    before = head(features, scores)["classification"]
    assert before.shape == (2, 5)
    # One cell of one class, as a small object has it.
    found = scores.detach().clone()
    found[1, 7, 2] = 3.0
    after = head(features, found)["classification"]
    torch.testing.assert_close(after[0], before[0])
    torch.testing.assert_close(after[1] - before[1], 9.0 * head.things.weight[:, 2])
    before.sum().backward()
    assert scores.grad is None, "boxes learn nothing from classes"
    with pytest.raises(ValueError, match="scores of a detector"):
        head(features)
