"""Data-efficient image transformers (Touvron et al. 2021): ViTs that a teacher may train.

The distillation token reads the image beside the class token and has a position of its own; the two
heads that read them are `heads.classification.DistilledHead`.
"""

from __future__ import annotations

from dataclasses import replace

from vit_perception.backbones.vit import VARIANTS as VIT
from vit_perception.backbones.vit import ViTConfig

_SIZES = {size: VIT[f"vit_{size}_patch16"] for size in ("tiny", "small", "base")}

VARIANTS: dict[str, ViTConfig] = {f"deit_{size}_patch16": config for size, config in _SIZES.items()} | {
    f"deit_{size}_distilled_patch16": replace(config, distilled=True) for size, config in _SIZES.items()
}
