"""What every backbone returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class TokenFeatures:
    """Tokens of a batch of images.

    cls_token: (B, D), after the final norm. prefix_tokens: (B, P, D), class token first, then
    registers. patch_tokens: (B, gh·gw, D) in raster order. grid: (gh, gw). layers: block index →
    patch tokens (B, gh·gw, D) after that block and the final norm, for those asked for.
    attention: block index → weights (B, heads, P + N, P + N), for those asked for.
    """

    cls_token: Tensor
    prefix_tokens: Tensor
    patch_tokens: Tensor
    grid: tuple[int, int]
    layers: dict[int, Tensor] = field(default_factory=dict)
    attention: dict[int, Tensor] = field(default_factory=dict)

    def maps(self, index: int) -> Tensor:
        """Patch tokens after block `index` as a feature map (B, D, gh, gw)."""
        return self.layers[index].transpose(1, 2).unflatten(-1, (self.grid[0], self.grid[1]))
