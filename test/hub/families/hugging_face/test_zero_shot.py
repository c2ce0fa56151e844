"""CLIP and SigLIP as their publishers save them, compared with transformers' own pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

import torch

from hub.adopted import predictor_of
from hub.publish import photographs, publish, sharpen
from hub.small_clip import SIDES, publish_clip
from hub.vocabularies import siglip_tokenizer
from vit_perception.cards.card import load_card
from vit_perception.hub.adopt import EXAMPLE_PROMPTS

ENGINES = ("torch", "onnxruntime", "openvino")
PROMPTS = ("a red helmet", "cat", "face of a person in a dark suit", "truck")


def _siglip(folder: Path) -> Path:
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    tokenizer = siglip_tokenizer()
    text = {**SIDES, "vocab_size": len(tokenizer), "max_position_embeddings": 64, "projection_size": 32}
    vision = {**SIDES, "image_size": 64, "patch_size": 16}
    torch.manual_seed(2)
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    sharpen(model, 1 / 3)  # its first weights are sharp enough
    with torch.no_grad():  # as trained ones have: at first all pairs are as likely as not
        model.logit_scale.fill_(2.0)
        model.logit_bias.fill_(-1.0)
    return publish(folder, model, SiglipImageProcessor(size={"height": 64, "width": 64}), tokenizer)


PUBLISHED = {"clip": publish_clip, "siglip": _siglip}


@pytest.fixture(scope="module", params=PUBLISHED)
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PUBLISHED[request.param](tmp_path_factory.mktemp("hub") / request.param)


@pytest.fixture(scope="module")
def expected(published: Path) -> dict[str, np.ndarray]:
    """Scores of PROMPTS for each photograph, by transformers."""
    from PIL import Image
    from transformers import pipeline

    classify = pipeline("zero-shot-image-classification", model=str(published))
    found = {}
    for name, picture in photographs().items():
        scores = {
            answer["label"]: answer["score"]
            for answer in classify(Image.fromarray(picture), candidate_labels=list(PROMPTS))
        }
        found[name] = np.array([scores[prompt] for prompt in PROMPTS])
    return found


def _scores(answer: Any) -> np.ndarray:
    scores = np.zeros(len(answer.class_ids))
    scores[answer.class_ids] = answer.scores
    return scores


@pytest.mark.parametrize("engine", ENGINES)
def test_scores_are_those_of_transformers(
    published: Path, expected: dict[str, np.ndarray], engine: str
) -> None:
    predictor = predictor_of(published, engine, "cpu", precision="fp32", prompts=PROMPTS)
    for name, picture in photographs().items():
        found = predictor(picture, "rgb")
        np.testing.assert_allclose(_scores(found.classification), expected[name], atol=1e-3)
        assert np.ptp(expected[name]) > 0.02
        assert found.attention.heatmap.shape == picture.shape[:2]
        assert np.ptp(found.attention.heatmap) > 0.1
    together = predictor.batch(list(photographs().values()), ["rgb"] * 3)
    for answer, name in zip(together, photographs(), strict=True):
        np.testing.assert_allclose(_scores(answer.classification), expected[name], atol=1e-3)


def test_the_card_has_the_example_prompts(published: Path) -> None:
    predictor = predictor_of(published, "onnxruntime", "cpu", precision="fp32")
    card = load_card(predictor.card.folder)
    assert card.open_vocabulary
    assert card.labels == EXAMPLE_PROMPTS == predictor.prompts
    assert card.tasks == ("classification", "attention")


def test_a_text_that_is_too_long_is_named(tmp_path: Path) -> None:
    predictor = predictor_of(publish_clip(tmp_path / "clip"), "onnxruntime", "cpu", precision="fp32")
    with pytest.raises(ValueError, match="tokens, of which the model reads 77: shorten it"):
        predictor.set_prompts(["cat", "cat" * 30])
    assert predictor.prompts == EXAMPLE_PROMPTS
