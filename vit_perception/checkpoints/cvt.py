"""Checkpoints of CvT from Hugging Face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vit_perception.backbones.cvt import EMBEDDINGS, CvtConfig
from vit_perception.checkpoints.files import State
from vit_perception.checkpoints.format import Format

# Channels of a head in the published sizes.
HEAD_WIDTH = 64
# Settings that our CvT has built in. A config.json with other values is refused.
_FIXED = {
    "patch_sizes": [kernel for kernel, _, _ in EMBEDDINGS],
    "patch_stride": [stride for _, stride, _ in EMBEDDINGS],
    "patch_padding": [padding for _, _, padding in EMBEDDINGS],
    "kernel_qkv": [3, 3, 3],
    "stride_q": [1, 1, 1],
    "stride_kv": [2, 2, 2],
    "cls_token": [False, False, True],
    "qkv_projection_method": ["dw_bn"] * 3,
}


def _config(state: State, settings: Mapping[str, Any]) -> CvtConfig:
    for name, value in _FIXED.items():
        if (found := settings.get(name, value)) != value:
            raise ValueError(f"config.json has {name} {found}, but our CvT has {value}")
    stages = range(len(EMBEDDINGS))
    widths = tuple(state[f"stages.{stage}.embed.proj.weight"].shape[0] for stage in stages)
    blocks = {tuple(name.split(".")[1:4:2]) for name in state if ".blocks." in name}
    return CvtConfig(
        widths=widths,
        depths=tuple(sum(stage == str(index) for stage, _ in blocks) for index in stages),
        num_heads=tuple(settings.get("num_heads", [width // HEAD_WIDTH for width in widths])),
        mlp_ratio=state["stages.0.blocks.0.mlp.fc1.weight"].shape[0] / widths[0],
        in_chans=state["stages.0.embed.proj.weight"].shape[1],
    )


_STAGE = r"(?:cvt\.)?encoder\.stages\.(\d)\."
_EMBED, _LAYER = _STAGE + r"embedding\.convolution_embeddings\.", _STAGE + r"layers\.(\d+)\."
_OURS = r"stages.\1.blocks.\2."
_WB = r"\.(weight|bias)"


def _projection(name: str) -> tuple[tuple[str, str], ...]:
    """Rules for the convolution and the linear layer of query, key or value."""
    attention = _LAYER + r"attention\.attention\."
    convolution = attention + rf"convolution_projection_{name}\.convolution_projection\."
    ours = f"{_OURS}attn.conv_{name[0]}."
    return (
        (convolution + r"convolution\.weight", ours + "conv.weight"),
        (
            convolution + r"normalization\.(weight|bias|running_mean|running_var|num_batches_tracked)",
            ours + r"bn.\3",
        ),
        (attention + f"projection_{name}" + _WB, rf"{_OURS}attn.{name[0]}.\3"),
    )


HUGGING_FACE_CVT = Format(
    source="hugging_face",
    family="cvt",
    signature=(_EMBED + r"projection\.weight",),
    rules=(
        (_STAGE + r"cls_token", "cls_token"),
        (_EMBED + "projection" + _WB, r"stages.\1.embed.proj.\2"),
        (_EMBED + "normalization" + _WB, r"stages.\1.embed.norm.\2"),
        *_projection("query"),
        *_projection("key"),
        *_projection("value"),
        (_LAYER + r"attention\.output\.dense" + _WB, _OURS + r"attn.proj.\3"),
        (_LAYER + r"layernorm_before" + _WB, _OURS + r"norm1.\3"),
        (_LAYER + r"layernorm_after" + _WB, _OURS + r"norm2.\3"),
        (_LAYER + r"intermediate\.dense" + _WB, _OURS + r"mlp.fc1.\3"),
        (_LAYER + r"output\.dense" + _WB, _OURS + r"mlp.fc2.\3"),
        (r"layernorm" + _WB, r"norm.\1"),
    ),
    dropped=(r"classifier\..*",),
    config=_config,
)

FORMATS = (HUGGING_FACE_CVT,)
