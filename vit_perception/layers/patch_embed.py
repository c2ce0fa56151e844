"""Image → patch tokens."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.layers.resample import cubic_matrix


class PatchEmbed(nn.Module):
    """(B, C, H, W) → (B, gh·gw, D): a linear layer on each patch, written as a strided convolution.

    Args:
        patch_size: side of a patch in pixels.
        in_chans: C, channels of the image.
        embed_dim: D, channels of a token.

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


def unfold_patches(image: Tensor, patch_size: int) -> Tensor:
    """Image (B, C, H, W) → its patches in raster order (B, N, C·p·p).

    The values of a patch are in the order of PatchEmbed's kernel:
    `F.linear(unfold_patches(image, p), proj.weight.flatten(1), proj.bias)` equals PatchEmbed's output.
    """
    return F.unfold(image, patch_size, stride=patch_size).transpose(1, 2)


class OverlapPatchEmbed(nn.Module):
    """Image or map (B, C, H, W) → tokens on their grid (B, gh, gw, D), from patches that overlap
    (CvT, Wu et al. 2021).

    Args:
        in_chans: C, channels of the image or map.
        embed_dim: D, channels of a token.
        kernel_size: side of a patch in pixels.
        stride: distance between patches in pixels.
        padding: zeros around the image in pixels.
        norm_eps: epsilon of the LayerNorm on the tokens, None for no norm.
    """

    def __init__(
        self,
        in_chans: int,
        embed_dim: int,
        kernel_size: int,
        stride: int,
        padding: int,
        norm_eps: float | None = None,
    ) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_chans, embed_dim, kernel_size, stride, padding)
        self.norm = nn.Identity() if norm_eps is None else nn.LayerNorm(embed_dim, eps=norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        tokens: Tensor = self.norm(self.proj(x).permute(0, 2, 3, 1))
        return tokens


def adapt_in_chans(weight: Tensor, in_chans: int) -> Tensor:
    """Adapt convolution weights (D, C, p, p) to another number of channels, (D, in_chans, p, p).

    For one channel, the weights are summed over the colours, so that a grey image gives the same tokens
    as it did in RGB. For more channels, the colours repeat, scaled so that equal channels give those
    tokens too (timm's `adapt_input_conv`). Models of thermal, depth or RGB-T images then start from the
    edge filters that were learned on RGB.
    """
    colours = weight.shape[1]
    if in_chans == 1:
        return weight.sum(dim=1, keepdim=True)
    repeats = -(-in_chans // colours)
    return weight.repeat(1, repeats, 1, 1)[:, :in_chans] * (colours / in_chans)


def resample_patches(weight: Tensor, patch_size: int) -> Tensor:
    """Adapt the kernel of PatchEmbed (D, C, p, p) to patches of another size, (D, C, patch_size, patch_size).

    The result gives each larger patch the token that it would have after it was made as small as those that
    the kernel was learned on, which is a linear map, too.
    """
    shrink = cubic_matrix(patch_size, weight.shape[-1], weight)
    return shrink.T @ weight @ shrink
