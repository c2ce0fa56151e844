"""Image → patch tokens."""

from __future__ import annotations

from torch import Tensor, nn


class PatchEmbed(nn.Module):
    """(B, C, H, W) → (B, gh·gw, D), a linear map of each patch written as a strided convolution.

    Raises:
        ValueError: H or W is not divisible by the patch size.
    """

    def __init__(self, patch_size: int, in_chans: int, embed_dim: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.proj = nn.Conv2d(in_chans, embed_dim, kernel_size=patch_size, stride=patch_size)

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        if height % self.patch_size or width % self.patch_size:
            raise ValueError(
                f"image {height}x{width} is not divisible by the patch size "
                f"{self.patch_size}: resize or pad it"
            )
        patches: Tensor = self.proj(image)
        return patches.flatten(2).transpose(1, 2)
