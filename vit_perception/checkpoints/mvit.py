"""Checkpoints of MViTv2 from timm, except for the large one, whose widths change within its blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vit_perception.backbones.mvit import MvitConfig
from vit_perception.checkpoints.files import State
from vit_perception.checkpoints.format import Format


def _config(state: State, settings: Mapping[str, Any]) -> MvitConfig:
    embed_dim, in_chans = state["patch_embed.proj.weight"].shape[:2]
    places = {
        match[0]: int(match[1]) for name in state if (match := re.match(r"stages\.(\d+)\.blocks\.\d+", name))
    }
    depths = tuple(list(places.values()).count(stage) for stage in range(1 + max(places.values())))
    head = state["stages.0.blocks.0.attn.norm_q.weight"].shape[0]
    # The first stage does not pool its queries, so that a table has 2·side - 1 rows.
    rows, columns = (
        (state[f"stages.0.blocks.0.attn.rel_pos_{axis}"].shape[0] + 1) // 2 for axis in ("h", "w")
    )
    return MvitConfig(
        embed_dim=embed_dim,
        depths=depths,
        num_heads=embed_dim // head,
        mlp_ratio=state["stages.0.blocks.0.mlp.fc1.weight"].shape[0] / embed_dim,
        rel_pos_grid=(rows, columns),
        in_chans=in_chans,
        qkv_bias="stages.0.blocks.0.attn.qkv.bias" in state,
    )


TIMM_MVIT = Format(
    source="timm",
    family="mvit",
    signature=(r"patch_embed\.proj\.weight", r"stages\.0\.blocks\.0\.attn\.pool_q\.weight"),
    rules=(
        (
            r"((?:patch_embed\.proj|norm|stages\.\d+\.blocks\.\d+\.(?:norm[12]|shortcut_proj_attn|mlp\.fc[12]"
            r"|attn\.(?:qkv|proj|norm_[qkv])))\.(?:weight|bias)"
            r"|stages\.\d+\.blocks\.\d+\.attn\.(?:pool_[qkv]\.weight|rel_pos_[hw]))",
            r"\1",
        ),
    ),
    dropped=(r"head\..*",),
    config=_config,
)

FORMATS = (TIMM_MVIT,)
