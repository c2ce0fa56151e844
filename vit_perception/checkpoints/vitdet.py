"""Checkpoints of ViTDet backbones from Hugging Face."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from vit_perception.backbones.vitdet import VitDetConfig
from vit_perception.checkpoints.files import State
from vit_perception.checkpoints.format import Format

_WB = r"\.(weight|bias)"


def _without_class_position(state: State, settings: Mapping[str, Any]) -> State:
    """Drop the class token's position, which the file has from pre-training and ViTDet never uses."""
    positions = state.get("pos_embed")
    return state if positions is None else state | {"pos_embed": positions[:, 1:]}


def _config(state: State, settings: Mapping[str, Any]) -> VitDetConfig:
    dim, in_chans, patch_size, _ = state["patch_embed.proj.weight"].shape
    depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    global_blocks = tuple(sorted(set(range(depth)) - set(settings["window_block_indices"])))
    side = math.isqrt(state["pos_embed"].shape[1])
    # A table has 2·side - 1 rows, from which the side of the grid follows.
    tables = [
        state.get(f"blocks.{index}.attn.rel_pos_{axis}") for index in global_blocks[:1] for axis in "hw"
    ]
    grid = tuple((table.shape[0] + 1) // 2 for table in tables if table is not None)
    return VitDetConfig(
        patch_size=patch_size,
        embed_dim=dim,
        depth=depth,
        num_heads=settings["num_attention_heads"],
        mlp_ratio=state["blocks.0.mlp.fc1.weight"].shape[0] / dim,
        in_chans=in_chans,
        pos_grid=(side, side),
        window_size=settings["window_size"] or 1,
        global_blocks=global_blocks,
        rel_pos_grid=(grid[0], grid[1]) if len(grid) == 2 else None,
        qkv_bias="blocks.0.attn.qkv.bias" in state,
        norm_eps=float(settings["layer_norm_eps"]),
    )


HUGGING_FACE_VITDET = Format(
    source="hugging_face",
    family="vitdet",
    signature=(r"embeddings\.projection\.weight", r"encoder\.layer\.0\.attention\.qkv\.weight"),
    rules=(
        (r"embeddings\.position_embeddings", "pos_embed"),
        (r"embeddings\.projection" + _WB, r"patch_embed.proj.\1"),
        (r"encoder\.layer\.(\d+)\.(norm[12]|mlp\.fc[12])" + _WB, r"blocks.\1.\2.\3"),
        (r"encoder\.layer\.(\d+)\.attention\.(qkv|proj)" + _WB, r"blocks.\1.attn.\2.\3"),
        (r"encoder\.layer\.(\d+)\.attention\.(rel_pos_[hw])", r"blocks.\1.attn.\2"),
    ),
    prepare=_without_class_position,
    config=_config,
)

FORMATS = (HUGGING_FACE_VITDET,)
