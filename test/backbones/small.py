"""A small backbone of every family, for tests of what all of them promise."""

from __future__ import annotations

from typing import Any

import torch

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.registry import build_backbone

_VIT = {"family": "vit", "patch_size": 8, "embed_dim": 32, "depth": 3, "num_heads": 2, "pos_grid": [4, 4]}
_SWIN = {"embed_dim": 8, "depths": [2, 2, 2, 2], "num_heads": [1, 1, 2, 2], "window_size": 3}

SMALL: dict[str, dict[str, Any]] = {
    "vit": _VIT,
    "deit_distilled": _VIT | {"distilled": True},
    "dinov2_reg": _VIT | {"num_registers": 2, "layer_scale": 0.5},
    "vit_merging": _VIT | {"reduction": {"kind": "merge", "rate": 0.2}},
    "vit_pruning": _VIT | {"distilled": True, "reduction": {"kind": "prune", "rate": 0.2}},
    "swin": {"family": "swin"} | _SWIN,
    "swin_v2": {"family": "swin_v2"} | _SWIN,
    "mobilevit": {
        "family": "mobilevit",
        "stem_dim": 8,
        "widths": [8, 8, 16, 16, 24],
        "dims": [16, 16, 24],
        "depths": [1, 1, 2],
        "num_heads": 2,
        "final_dim": 32,
    },
    "mobilevit_v2": {
        "family": "mobilevit_v2",
        "stem_dim": 8,
        "widths": [8, 8, 16, 16, 24],
        "dims": [8, 8, 16],
        "depths": [1, 1, 2],
    },
    "mvit": {
        "family": "mvit",
        "embed_dim": 8,
        "depths": [1, 1, 2, 1],
        "rel_pos_grid": [8, 8],
    },
    "cvt": {"family": "cvt", "widths": [8, 16, 32], "depths": [1, 1, 2], "num_heads": [1, 2, 2]},
    "hybrid": _VIT | {"family": "hybrid", "patch_size": 32},
    "hybrid_picodet": _VIT | {"family": "hybrid", "patch_size": 32, "convolutions": "picodet_s"},
    "efficientnet_lite": {"family": "efficientnet_lite"},
    "vitdet": _VIT | {"family": "vitdet", "window_size": 3, "global_blocks": [1], "rel_pos_grid": [4, 4]},
}
# Those with attention: convolutions alone have none.
ATTENDING = tuple(name for name in SMALL if name != "efficientnet_lite")


def small(name: str, **changes: Any) -> Backbone:
    """The backbone, with weights large enough that nothing vanishes beside the residual path."""
    torch.manual_seed(0)
    backbone = build_backbone(SMALL[name] | changes)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.add_(torch.randn_like(parameter) * (0.1 if parameter.ndim > 1 else 0.05))
    return backbone


def scaled(name: str, size: tuple[int, int]) -> tuple[int, int]:
    """Height and width with as many patches as `size` has for patches of 8 pixels."""
    factor = SMALL[name].get("patch_size", 8) // 8 if name in ATTENDING else 4
    return size[0] * factor, size[1] * factor
