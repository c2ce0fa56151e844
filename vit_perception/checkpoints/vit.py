"""Checkpoints of plain ViTs: ViT, DeiT, DINOv2 and MAE from timm, torchvision, Hugging Face and FAIR."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from vit_perception.backbones import dinov2
from vit_perception.backbones.vit import ViTConfig
from vit_perception.checkpoints.files import State
from vit_perception.checkpoints.format import Format
from vit_perception.layers.pos_embed import DEFAULT_INTERPOLATION, PosInterpolation

# Channels of a head in the sizes up to L (Dosovitskiy et al. 2021, table 1; Touvron et al. 2021, table 1).
HEAD_WIDTH = 64
# Number of heads of the sizes SO400M, H, g and G by their width, as in timm.
_WIDE_HEADS = {1152: 16, 1280: 16, 1408: 16, 1664: 16}


def _config(
    state: State, pos_interpolation: PosInterpolation, num_heads: int | None = None, norm_eps: float = 1e-6
) -> ViTConfig:
    """The config that the renamed tensors tell."""
    dim, in_chans, patch_size, _ = state["patch_embed.proj.weight"].shape
    distilled, registers = "dist_token" in state, state.get("reg_token")
    return ViTConfig(
        patch_size=patch_size,
        embed_dim=dim,
        depth=1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks.")),
        num_heads=num_heads or _WIDE_HEADS.get(dim) or max(dim // HEAD_WIDTH, 1),
        mlp_ratio=state["blocks.0.mlp.fc1.weight"].shape[0] / dim,
        in_chans=in_chans,
        pos_grid=_square(state["pos_embed"].shape[1] - (2 if distilled else 1)),
        pos_interpolation=pos_interpolation,
        distilled=distilled,
        num_registers=0 if registers is None else registers.shape[1],
        qkv_bias="blocks.0.attn.qkv.bias" in state,
        layer_scale=1e-5 if "blocks.0.ls1.gamma" in state else None,
        norm_eps=norm_eps,
    )


def _square(positions: int) -> tuple[int, int]:
    side = math.isqrt(max(positions, 0))
    if side * side != positions or side == 0:
        raise ValueError(f"{positions} patch positions are no square grid: this ViT's layout is not known")
    return side, side


# timm resamples with antialiasing (`resample_abs_pos_embed`).
TIMM = PosInterpolation(antialias=True)


def _timm_class_position(state: State, settings: Mapping[str, Any]) -> State:
    """Add a zero position for the class token where timm has none, as in models with registers."""
    positions = state.get("pos_embed")
    if (
        positions is not None
        and "reg_token" in state
        and math.isqrt(positions.shape[1]) ** 2 == positions.shape[1]
    ):
        row = torch.zeros_like(positions[:, :1])
        return state | {"pos_embed": torch.cat([row, positions], dim=1)}
    return state


def _timm_config(state: State, settings: Mapping[str, Any]) -> ViTConfig:
    # timm stores it where it differs from the default of the architecture.
    num_heads = settings.get("model_args", {}).get("num_heads")
    return _config(state, TIMM, num_heads)


_OURS = (
    (
        r"(cls_token|dist_token|reg_token|pos_embed|(?:patch_embed\.proj|norm)\.(?:weight|bias)"
        r"|blocks\.\d+\.(?:norm[12]|attn\.(?:qkv|proj)|mlp\.fc[12])\.(?:weight|bias)"
        r"|blocks\.\d+\.ls[12]\.gamma)",
        r"\1",
    ),
)

# Also for FAIR's files of DeiT and MAE, whose encoders use the same names.
TIMM_VIT = Format(
    source="timm",
    family="vit",
    signature=(r"cls_token", r"patch_embed\.proj\.weight", r"blocks\.0\.attn\.qkv\.weight"),
    rules=_OURS,
    dropped=(r"(head|head_dist|fc_norm|decoder_\w+)\..*", r"mask_token", r"decoder_pos_embed"),
    config=_timm_config,
    prepare=_timm_class_position,
)


def _fair_config(state: State, settings: Mapping[str, Any]) -> ViTConfig:
    return _config(state, dinov2.WITH_REGISTERS if "reg_token" in state else dinov2.PLAIN)


FAIR_DINOV2 = Format(
    source="fair",
    family="vit",
    # Only DINOv2 has both: MAE's pre-training file has a mask token too, but no LayerScale.
    signature=(*TIMM_VIT.signature, r"mask_token", r"blocks\.0\.ls1\.gamma"),
    rules=((r"register_tokens", "reg_token"), *_OURS),
    dropped=(r"mask_token",),
    config=_fair_config,
)


def _torchvision_config(state: State, settings: Mapping[str, Any]) -> ViTConfig:
    return _config(state, PosInterpolation(align_corners=True))


_TV_LAYER = r"encoder\.layers\.encoder_layer_(\d+)\."

TORCHVISION_VIT = Format(
    source="torchvision",
    family="vit",
    signature=(r"class_token", r"conv_proj\.weight", r"encoder\.pos_embedding"),
    rules=(
        (r"class_token", "cls_token"),
        (r"encoder\.pos_embedding", "pos_embed"),
        (r"conv_proj\.(weight|bias)", r"patch_embed.proj.\1"),
        (r"encoder\.ln\.(weight|bias)", r"norm.\1"),
        (_TV_LAYER + r"ln_([12])\.(weight|bias)", r"blocks.\1.norm\2.\3"),
        (_TV_LAYER + r"self_attention\.in_proj_(weight|bias)", r"blocks.\1.attn.qkv.\2"),
        (_TV_LAYER + r"self_attention\.out_proj\.(weight|bias)", r"blocks.\1.attn.proj.\2"),
        # torchvision 0.12 called them linear_1 and linear_2; since then they are 0 and 3 in an MLP.
        (_TV_LAYER + r"mlp\.(?:0|linear_1)\.(weight|bias)", r"blocks.\1.mlp.fc1.\2"),
        (_TV_LAYER + r"mlp\.(?:3|linear_2)\.(weight|bias)", r"blocks.\1.mlp.fc2.\2"),
    ),
    dropped=(r"heads\..*",),
    config=_torchvision_config,
)


def _hugging_face_config(state: State, settings: Mapping[str, Any]) -> ViTConfig:
    # Of Hugging Face's models, only DINOv2 with registers resamples with antialiasing.
    interpolation = dinov2.WITH_REGISTERS if "reg_token" in state else DEFAULT_INTERPOLATION
    default_eps = 1e-6 if "blocks.0.ls1.gamma" in state else 1e-12
    return _config(
        state,
        interpolation,
        num_heads=settings.get("num_attention_heads"),
        norm_eps=float(settings.get("layer_norm_eps", default_eps)),
    )


_HF = r"(?:(?:vit|deit|dinov2|dinov2_with_registers)\.)?"
_HF_LAYER = _HF + r"(?:encoder\.layer|layers)\.(\d+)\."
_WB = r"\.(weight|bias)"

HUGGING_FACE_VIT = Format(
    source="hugging_face",
    family="vit",
    signature=(
        _HF + r"embeddings\.cls_token",
        _HF + r"embeddings\.position_embeddings",
        _HF_LAYER + r"(layernorm_before|norm1)\.weight",
    ),
    rules=(
        (_HF + r"embeddings\.cls_token", "cls_token"),
        (_HF + r"embeddings\.distillation_token", "dist_token"),
        (_HF + r"embeddings\.register_tokens", "reg_token"),
        (_HF + r"embeddings\.position_embeddings", "pos_embed"),
        (_HF + r"embeddings\.patch_embeddings\.projection" + _WB, r"patch_embed.proj.\1"),
        (_HF_LAYER + r"attention\.(?:attention\.query|q_proj)" + _WB, r"blocks.\1.attn.qkv.\2[0]"),
        (_HF_LAYER + r"attention\.(?:attention\.key|k_proj)" + _WB, r"blocks.\1.attn.qkv.\2[1]"),
        (_HF_LAYER + r"attention\.(?:attention\.value|v_proj)" + _WB, r"blocks.\1.attn.qkv.\2[2]"),
        (_HF_LAYER + r"attention\.(?:output\.dense|o_proj)" + _WB, r"blocks.\1.attn.proj.\2"),
        (_HF_LAYER + r"(?:layernorm_before|norm1)" + _WB, r"blocks.\1.norm1.\2"),
        (_HF_LAYER + r"(?:layernorm_after|norm2)" + _WB, r"blocks.\1.norm2.\2"),
        (_HF_LAYER + r"layer_scale([12])\.lambda1", r"blocks.\1.ls\2.gamma"),
        (_HF_LAYER + r"(?:intermediate\.dense|mlp\.fc1)" + _WB, r"blocks.\1.mlp.fc1.\2"),
        (_HF_LAYER + r"(?:output\.dense|mlp\.fc2)" + _WB, r"blocks.\1.mlp.fc2.\2"),
        (_HF + r"layernorm" + _WB, r"norm.\1"),
    ),
    dropped=(
        _HF + r"pooler\..*",
        r"(classifier|cls_classifier|distillation_classifier|decoder)\..*",
        _HF + r"embeddings\.mask_token",
    ),
    config=_hugging_face_config,
)

FORMATS = (FAIR_DINOV2, TIMM_VIT, TORCHVISION_VIT, HUGGING_FACE_VIT)
