"""Checkpoints of MobileViT and MobileViT V2 from timm and Hugging Face."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vit_perception.backbones.mobilevit import MobileVitConfig
from vit_perception.backbones.mobilevit_v2 import MobileVitV2Config
from vit_perception.checkpoints.files import State
from vit_perception.checkpoints.format import Format

# The last three stages have a transformer, as their second layer.
_TRANSFORMER = r"stages\.[234]\.1\.transformer\."
_WB = r"\.(weight|bias)"
_BN = r"\.(weight|bias|running_mean|running_var|num_batches_tracked)"


def _shape(state: State) -> dict[str, Any]:
    """Fields of the config that the renamed tensors tell, the same for both versions."""
    stem_dim, in_chans = state["stem.conv.weight"].shape[:2]
    expanded, entering = state["stages.1.0.conv1_1x1.conv.weight"].shape[:2]
    depths = [
        len(
            {
                match[0]
                for name in state
                if (match := re.match(rf"stages\.{stage}\.1\.transformer\.\d+", name))
            }
        )
        for stage in (2, 3, 4)
    ]
    final = state.get("final_conv.conv.weight")
    return {
        "stem_dim": stem_dim,
        "widths": tuple(state[f"stages.{stage}.0.conv3_1x1.conv.weight"].shape[0] for stage in range(5)),
        "local_depth": len({name.split(".")[2] for name in state if name.startswith("stages.1.")}),
        "expand_ratio": expanded / entering,
        "dims": tuple(state[f"stages.{stage}.1.conv_1x1.weight"].shape[0] for stage in (2, 3, 4)),
        "depths": tuple(depths),
        "mlp_ratio": state["stages.2.1.transformer.0.mlp.fc1.weight"].shape[0]
        / state["stages.2.1.conv_1x1.weight"].shape[0],
        "final_dim": None if final is None else final.shape[0],
        "in_chans": in_chans,
    }


def _v1(state: State, settings: Mapping[str, Any]) -> MobileVitConfig:
    return MobileVitConfig(
        num_heads=settings.get("num_attention_heads", MobileVitConfig.num_heads),
        norm_eps=float(settings.get("layer_norm_eps", MobileVitConfig.norm_eps)),
        **_shape(state),
    )


def _v2(state: State, settings: Mapping[str, Any]) -> MobileVitV2Config:
    return MobileVitV2Config(
        norm_eps=float(settings.get("layer_norm_eps", MobileVitV2Config.norm_eps)), **_shape(state)
    )


_TIMM_CONVOLUTIONS = (
    r"((?:stem|final_conv|stages\.\d\.\d\.(?:conv1_1x1|conv2_kxk|conv3_1x1|conv_kxk|conv_proj|conv_fusion))"
    r"\.(?:conv\.weight|bn\.(?:weight|bias|running_mean|running_var|num_batches_tracked))"
    r"|stages\.\d\.1\.conv_1x1\.weight|stages\.\d\.1\.norm\.(?:weight|bias))"
)


def _timm(family: str, parts: str, config: Any) -> Format:
    return Format(
        source="timm",
        family=family,
        signature=(r"stem\.conv\.weight", _TRANSFORMER + rf"0\.attn\.{parts.split('|')[0]}\.weight"),
        rules=(
            (_TIMM_CONVOLUTIONS, r"\1"),
            (
                rf"({_TRANSFORMER}\d+\.(?:norm[12]|mlp\.fc[12]|attn\.(?:{parts}))\.(?:weight|bias))",
                r"\1",
            ),
        ),
        dropped=(r"head\..*",),
        config=config,
    )


TIMM_MOBILEVIT = _timm("mobilevit", "qkv|proj", _v1)
TIMM_MOBILEVIT_V2 = _timm("mobilevit_v2", "qkv_proj|out_proj", _v2)


def _hugging_face(family: str, body: str, first: str, inner: list[tuple[str, str]], config: Any) -> Format:
    body = rf"(?:{body}\.)?"
    layer = body + r"encoder\.layer\."

    def convolution(theirs: str, ours: str, group: int) -> list[tuple[str, str]]:
        return [
            (theirs + r"\.convolution\.weight", ours + ".conv.weight"),
            (theirs + r"\.normalization" + _BN, rf"{ours}.bn.\{group}"),
        ]

    rules = [
        *convolution(body + r"conv_stem", "stem", 1),
        *convolution(body + r"conv_1x1_exp", "final_conv", 1),
        (layer + r"([234])\.conv_1x1\.convolution\.weight", r"stages.\1.1.conv_1x1.weight"),
        (layer + r"([234])\.layernorm" + _WB, r"stages.\1.1.norm.\2"),
    ]
    for theirs, ours in (
        ("expand_1x1", "conv1_1x1"),
        ("conv_3x3", "conv2_kxk"),
        ("reduce_1x1", "conv3_1x1"),
    ):
        rules += convolution(layer + rf"([01])\.layer\.(\d+)\.{theirs}", rf"stages.\1.\2.{ours}", 3)
        rules += convolution(layer + rf"([234])\.downsampling_layer\.{theirs}", rf"stages.\1.0.{ours}", 2)
    for theirs, ours in (
        ("conv_kxk", "conv_kxk"),
        ("conv_projection", "conv_proj"),
        ("fusion", "conv_fusion"),
    ):
        rules += convolution(layer + rf"([234])\.{theirs}", rf"stages.\1.1.{ours}", 2)
    block, our_block = layer + r"([234])\.transformer\.layer\.(\d+)\.", r"stages.\1.1.transformer.\2."
    rules += [
        (block + r"layernorm_before" + _WB, our_block + r"norm1.\3"),
        (block + r"layernorm_after" + _WB, our_block + r"norm2.\3"),
        *((block + theirs + _WB, our_block + ours) for theirs, ours in inner),
    ]
    return Format(
        source="hugging_face",
        family=family,
        signature=(body + r"conv_stem\.convolution\.weight", block + first + r"\.weight"),
        rules=tuple(rules),
        dropped=(r"(classifier|segmentation_head)\..*",),
        config=config,
    )


HUGGING_FACE_MOBILEVIT = _hugging_face(
    "mobilevit",
    "mobilevit",
    r"attention\.(attention\.query|q_proj)",
    [
        (r"attention\.(?:attention\.query|q_proj)", r"attn.qkv.\3[0]"),
        (r"attention\.(?:attention\.key|k_proj)", r"attn.qkv.\3[1]"),
        (r"attention\.(?:attention\.value|v_proj)", r"attn.qkv.\3[2]"),
        (r"attention\.(?:output\.dense|o_proj)", r"attn.proj.\3"),
        (r"(?:intermediate\.dense|mlp\.fc1)", r"mlp.fc1.\3"),
        (r"(?:output\.dense|mlp\.fc2)", r"mlp.fc2.\3"),
    ],
    _v1,
)
HUGGING_FACE_MOBILEVIT_V2 = _hugging_face(
    "mobilevit_v2",
    "mobilevitv2",
    r"attention\.qkv_proj\.convolution",
    [
        (r"attention\.qkv_proj\.convolution", r"attn.qkv_proj.\3"),
        (r"attention\.out_proj\.convolution", r"attn.out_proj.\3"),
        (r"ffn\.conv1\.convolution", r"mlp.fc1.\3"),
        (r"ffn\.conv2\.convolution", r"mlp.fc2.\3"),
    ],
    _v2,
)

FORMATS = (TIMM_MOBILEVIT, TIMM_MOBILEVIT_V2, HUGGING_FACE_MOBILEVIT, HUGGING_FACE_MOBILEVIT_V2)
