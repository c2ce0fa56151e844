"""Checkpoints of BERT's kind from Hugging Face, under the names of TextEncoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vit_perception.checkpoints.files import State
from vit_perception.checkpoints.format import Format
from vit_perception.language.text_encoder import TextConfig


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
