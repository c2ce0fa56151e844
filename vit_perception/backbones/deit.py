"""DeiT, data-efficient image transformers (Touvron et al. 2021): ViTs, optionally distilled from a teacher.

The distilled ones have a distillation token beside the class token, with a position of its own. The heads on
both tokens are in `heads.classification.DistilledHead`.
"""

from __future__ import annotations

from dataclasses import replace

from vit_perception.backbones.vit import VARIANTS as VIT
from vit_perception.backbones.vit import ViTConfig

_SIZES = {size: VIT[f"vit_{size}_patch16"] for size in ("tiny", "small", "base")}

VARIANTS: dict[str, ViTConfig] = {f"deit_{size}_patch16": config for size, config in _SIZES.items()} | {
    f"deit_{size}_distilled_patch16": replace(config, distilled=True) for size, config in _SIZES.items()
}
