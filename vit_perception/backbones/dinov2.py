"""DINOv2 (Oquab et al. 2024): ViTs with LayerScale on patches of 14 pixels, trained without labels at 518².

At other sizes, the sources differ in how they resample positions. These are FAIR's own settings; the loaders
of other sources set theirs (see `docs/checkpoints.md`).
"""

from __future__ import annotations

from vit_perception.backbones.vit import ViTConfig
from vit_perception.layers.pos_embed import PosInterpolation

_SIZES = {"small": (384, 12, 6), "base": (768, 12, 12), "large": (1024, 24, 16)}


def _config(size: str, num_registers: int, pos_interpolation: PosInterpolation) -> ViTConfig:
    embed_dim, depth, num_heads = _SIZES[size]
    return ViTConfig(
        patch_size=14,
        embed_dim=embed_dim,
        depth=depth,
        num_heads=num_heads,
        pos_grid=(37, 37),
        pos_interpolation=pos_interpolation,
        num_registers=num_registers,
        layer_scale=1e-5,
    )


PLAIN = PosInterpolation(offset=0.1)
WITH_REGISTERS = PosInterpolation(antialias=True)

VARIANTS: dict[str, ViTConfig] = {f"dinov2_{size}_patch14": _config(size, 0, PLAIN) for size in _SIZES} | {
    f"dinov2_{size}_patch14_reg4": _config(size, 4, WITH_REGISTERS) for size in _SIZES
}
