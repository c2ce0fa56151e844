"""Checkpoints of Swin and Swin V2 from timm, torchvision and Hugging Face."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from vit_perception.backbones.swin import SwinConfig
from vit_perception.backbones.swin_v2 import SwinV2Config
from vit_perception.checkpoints.files import State
from vit_perception.checkpoints.format import Format

HEAD_WIDTH = 32  # of every published size (Liu et al. 2021, section 3.3)
STAGES = 4  # the rules for downsampling layers number them one by one
_WB = r"\.(weight|bias)"
# Older files contain these, which follow from the window size.
_BUFFERS = r".*(relative_position_index|relative_coords_table|attn_mask)"


def _shape(state: State) -> dict[str, Any]:
    """Fields of the config that the renamed tensors tell, the same for both versions."""
    embed_dim, in_chans, patch_size, _ = state["patch_embed.proj.weight"].shape
    places = [match for name in state if (match := re.match(r"layers\.(\d+)\.blocks\.(\d+)\.", name))]
    depths = [0] * (1 + max(int(match[1]) for match in places))
    for match in places:
        depths[int(match[1])] = max(depths[int(match[1])], int(match[2]) + 1)
    return {
        "patch_size": patch_size,
        "embed_dim": embed_dim,
        "depths": tuple(depths),
        "mlp_ratio": state["layers.0.blocks.0.mlp.fc1.weight"].shape[0] / embed_dim,
        "in_chans": in_chans,
    }


def _v1(state: State) -> SwinConfig:
    tables = [
        state[f"layers.{stage}.blocks.0.attn.relative_position_bias_table"]
        for stage in range(len(_shape(state)["depths"]))
    ]
    return SwinConfig(
        num_heads=tuple(table.shape[1] for table in tables),
        window_size=(math.isqrt(tables[0].shape[0]) + 1) // 2,
        qkv_bias="layers.0.blocks.0.attn.qkv.bias" in state,
        **_shape(state),
    )


def _v2(state: State, window_size: int | None) -> SwinV2Config:
    if window_size is None:
        # No tensor depends on it. Without a setting, it is that of the published sizes.
        window_size = SwinV2Config.window_size
    shape = _shape(state)
    return SwinV2Config(
        num_heads=tuple(
            state[f"layers.{stage}.blocks.0.attn.logit_scale"].shape[0]
            for stage in range(len(shape["depths"]))
        ),
        window_size=window_size,
        qkv_bias="layers.0.blocks.0.attn.q_bias" in state,
        **shape,
    )


def _timm_v1(state: State, settings: Mapping[str, Any]) -> SwinConfig:
    return replace(_v1(state), pad_before_shift=False)


def _timm_v2(state: State, settings: Mapping[str, Any]) -> SwinV2Config:
    return replace(_v2(state, _timm_window(settings)), pad_before_shift=False)


def _timm_window(settings: Mapping[str, Any]) -> int | None:
    """The window size in the name of the architecture, as in swinv2_tiny_window16_256."""
    match = re.search(r"window(\d+)", str(settings.get("architecture", "")))
    return int(match[1]) if match else None


def _downsample_first(state: State, settings: Mapping[str, Any]) -> State:
    """Put patch merging at the start of a stage; older files have it at the end of the stage before."""
    if not any(name.startswith("layers.0.downsample.") for name in state):
        return state
    return {
        re.sub(
            r"^layers\.(\d+)\.downsample", lambda match: f"layers.{int(match[1]) + 1}.downsample", name
        ): tensor
        for name, tensor in state.items()
    }


_TIMM_COMMON = (
    (
        r"((?:patch_embed\.(?:proj|norm)|norm)\.(?:weight|bias)"
        r"|layers\.\d+\.downsample\.(?:norm\.(?:weight|bias)|reduction\.weight)"
        r"|layers\.\d+\.blocks\.\d+\.(?:norm[12]|attn\.(?:qkv|proj)|mlp\.fc[12])\.(?:weight|bias)"
        r"|layers\.\d+\.blocks\.\d+\.attn\.(?:relative_position_bias_table|q_bias|v_bias|logit_scale)"
        r"|layers\.\d+\.blocks\.\d+\.attn\.cpb_mlp\.[02]\.(?:weight|bias))",
        r"\1",
    ),
)
_TIMM_DROPPED = (r"head\..*", r".*attn\.k_bias", _BUFFERS)

TIMM_SWIN = Format(
    source="timm",
    family="swin",
    signature=(r"patch_embed\.norm\.weight", r"layers\.0\.blocks\.0\.attn\.relative_position_bias_table"),
    rules=_TIMM_COMMON,
    dropped=_TIMM_DROPPED,
    prepare=_downsample_first,
    config=_timm_v1,
)
TIMM_SWIN_V2 = Format(
    source="timm",
    family="swin_v2",
    signature=(r"patch_embed\.norm\.weight", r"layers\.0\.blocks\.0\.attn\.cpb_mlp\.0\.weight"),
    rules=_TIMM_COMMON,
    dropped=_TIMM_DROPPED,
    prepare=_downsample_first,
    config=_timm_v2,
)


def _torchvision_rules() -> tuple[tuple[str, str], ...]:
    rules = [
        (r"features\.0\.0" + _WB, r"patch_embed.proj.\1"),
        (r"features\.0\.2" + _WB, r"patch_embed.norm.\1"),
        (r"norm" + _WB, r"norm.\1"),
    ]
    # torchvision lists stages and the mergings between them in one sequence: 1, 3, 5, 7 and 2, 4, 6.
    for stage in range(STAGES):
        block = rf"features\.{2 * stage + 1}\.(\d+)\."
        ours = rf"layers.{stage}.blocks.\1."
        rules += [
            (block + r"(norm[12]|attn\.(?:qkv|proj|cpb_mlp\.[02]))" + _WB, ours + r"\2.\3"),
            (block + r"(attn\.(?:relative_position_bias_table|logit_scale))", ours + r"\2"),
            (block + r"mlp\.0" + _WB, ours + r"mlp.fc1.\2"),
            (block + r"mlp\.3" + _WB, ours + r"mlp.fc2.\2"),
        ]
        if stage:
            rules.append(
                (rf"features\.{2 * stage}\.(norm|reduction)" + _WB, rf"layers.{stage}.downsample.\1.\2")
            )
    return tuple(rules)


def _without_key_bias(state: State, settings: Mapping[str, Any]) -> State:
    """Keep the biases of queries and values; torchvision also stores one for keys, but sets it to zero."""
    split: State = {}
    for name, tensor in state.items():
        if name.endswith("attn.qkv.bias"):
            query, _, value = tensor.chunk(3)
            prefix = name.removesuffix("qkv.bias")
            split |= {f"{prefix}q_bias": query.clone(), f"{prefix}v_bias": value.clone()}
        else:
            split[name] = tensor
    return split


def _torchvision_v1(state: State, settings: Mapping[str, Any]) -> SwinConfig:
    return replace(_v1(state), pad_patches=False)


def _torchvision_v2(state: State, settings: Mapping[str, Any]) -> SwinV2Config:
    return replace(_v2(state, None), pad_patches=False)


TORCHVISION_SWIN = Format(
    source="torchvision",
    family="swin",
    signature=(r"features\.0\.0\.weight", r"features\.1\.0\.attn\.relative_position_bias_table"),
    rules=_torchvision_rules(),
    dropped=(r"head\..*", _BUFFERS),
    config=_torchvision_v1,
)
TORCHVISION_SWIN_V2 = Format(
    source="torchvision",
    family="swin_v2",
    signature=(r"features\.0\.0\.weight", r"features\.1\.0\.attn\.cpb_mlp\.0\.weight"),
    rules=_torchvision_rules(),
    dropped=(r"head\..*", _BUFFERS),
    prepare=_without_key_bias,
    config=_torchvision_v2,
)


def _hugging_face_rules() -> tuple[tuple[str, str], ...]:
    body = r"(?:swin\.|swinv2\.)?"
    block, ours = body + r"encoder\.layers\.(\d+)\.blocks\.(\d+)\.", r"layers.\1.blocks.\2."
    rules = [
        (body + r"embeddings\.patch_embeddings\.projection" + _WB, r"patch_embed.proj.\1"),
        (body + r"embeddings\.norm" + _WB, r"patch_embed.norm.\1"),
        (body + r"layernorm" + _WB, r"norm.\1"),
        (block + r"layernorm_before" + _WB, ours + r"norm1.\3"),
        (block + r"layernorm_after" + _WB, ours + r"norm2.\3"),
        (block + r"attention\.(?:output\.dense|o_proj)" + _WB, ours + r"attn.proj.\3"),
        (block + r"(?:intermediate\.dense|mlp\.fc1)" + _WB, ours + r"mlp.fc1.\3"),
        (block + r"(?:output\.dense|mlp\.fc2)" + _WB, ours + r"mlp.fc2.\3"),
        (
            block + r"attention\.(?:self|relative_position_bias)\.relative_position_bias_table",
            ours + "attn.relative_position_bias_table",
        ),
        (block + r"attention\.self\.logit_scale", ours + "attn.logit_scale"),
        (
            block + r"attention\.self\.continuous_position_bias_mlp\.([02])" + _WB,
            ours + r"attn.cpb_mlp.\3.\4",
        ),
    ]
    for part, name in enumerate(("query", "key", "value")):
        source = block + rf"attention\.(?:self\.{name}|{name[0]}_proj)"
        rules.append((source + _WB, ours + rf"attn.qkv.\3[{part}]"))
    # Hugging Face merges patches at the end of a stage, we at the start of the next one.
    for stage in range(STAGES - 1):
        rules.append(
            (
                body + rf"encoder\.layers\.{stage}\.downsample\.(norm|reduction)" + _WB,
                rf"layers.{stage + 1}.downsample.\1.\2",
            )
        )
    return tuple(rules)


def _v2_biases(rules: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The rules, preceded by ones that keep the biases of queries and values separate; keys have none."""
    block, ours = r"(?:swinv2\.)?encoder\.layers\.(\d+)\.blocks\.(\d+)\.", r"layers.\1.blocks.\2."
    return (
        (block + r"attention\.self\.query\.bias", ours + "attn.q_bias"),
        (block + r"attention\.self\.value\.bias", ours + "attn.v_bias"),
        *rules,
    )


def _hugging_face_v1(state: State, settings: Mapping[str, Any]) -> SwinConfig:
    return replace(_v1(state), shift_by_axis=False, norm_eps=_eps(settings))


def _hugging_face_v2(state: State, settings: Mapping[str, Any]) -> SwinV2Config:
    config = replace(_v2(state, settings.get("window_size")), norm_eps=_eps(settings))
    if pretrained := settings.get("pretrained_window_sizes"):
        config = replace(config, pretrained_window_sizes=tuple(pretrained))
    if (side := settings.get("image_size")) is not None:
        height, width = side if isinstance(side, list) else (side, side)
        config = replace(config, native_grid=(height // config.patch_size, width // config.patch_size))
    return config


def _eps(settings: Mapping[str, Any]) -> float:
    return float(settings.get("layer_norm_eps", SwinConfig.norm_eps))


_HF_DROPPED = (r"classifier\..*", r"(?:swin\.|swinv2\.)?embeddings\.mask_token", r"decoder\..*", _BUFFERS)


def _hugging_face(
    family: str, signature: str, rules: tuple[tuple[str, str], ...], config: Callable[..., Any]
) -> Format:
    body = r"(?:swin\.|swinv2\.)?"
    return Format(
        source="hugging_face",
        family=family,
        signature=(
            body + r"embeddings\.patch_embeddings\.projection\.weight",
            body + r"encoder\.layers\.0\.blocks\.0\.attention\." + signature,
        ),
        rules=rules,
        dropped=_HF_DROPPED,
        config=config,
    )


HUGGING_FACE_SWIN = _hugging_face(
    "swin",
    r"(self|relative_position_bias)\.relative_position_bias_table",
    _hugging_face_rules(),
    _hugging_face_v1,
)
HUGGING_FACE_SWIN_V2 = _hugging_face(
    "swin_v2", r"self\.logit_scale", _v2_biases(_hugging_face_rules()), _hugging_face_v2
)

FORMATS = (
    TIMM_SWIN,
    TIMM_SWIN_V2,
    TORCHVISION_SWIN,
    TORCHVISION_SWIN_V2,
    HUGGING_FACE_SWIN,
    HUGGING_FACE_SWIN_V2,
)
