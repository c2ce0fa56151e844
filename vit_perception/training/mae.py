"""Masked pre-training of a plain ViT (MAE, He et al. 2022): most patches are hidden, then reconstructed."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vit_perception.backbones.vit import VisionTransformer
from vit_perception.layers.block import Block
from vit_perception.layers.patch_embed import unfold_patches
from vit_perception.layers.sincos import sincos_positions


class Reconstruction(NamedTuple):
    """What a masked autoencoder gives for a batch.

    Attributes:
        loss: Mean squared error on the hidden patches.
        patches: (B, N, p·p·C) Every patch as it was reconstructed.
        mask: (B, N) 1 where a patch was hidden, else 0.
    """

    loss: Tensor
    patches: Tensor
    mask: Tensor


def patchify(image: Tensor, patch_size: int) -> Tensor:
    """Image (B, C, H, W) → patches in raster order (B, N, p·p·C), the channels of a pixel side by side."""
    patches = unfold_patches(image, patch_size)
    batch, count, _ = patches.shape
    return patches.reshape(batch, count, image.shape[1], -1).transpose(2, 3).flatten(2)


def unpatchify(patches: Tensor, patch_size: int, grid: tuple[int, int]) -> Tensor:
    """Patches of `patchify` (B, N, p·p·C) → image (B, C, H, W); `grid` is the number of rows and columns."""
    batch = patches.shape[0]
    cells = patches.reshape(batch, *grid, patch_size, patch_size, -1).permute(0, 5, 1, 3, 2, 4)
    return cells.reshape(batch, -1, grid[0] * patch_size, grid[1] * patch_size)


def normed(patches: Tensor) -> Tensor:
    """Each patch (…, p·p·C) with mean zero and variance one, the better target (paper, table 1d)."""
    mean = patches.mean(dim=-1, keepdim=True)
    return (patches - mean) / (patches.var(dim=-1, keepdim=True) + 1e-6).sqrt()


class MaskedAutoencoder(nn.Module):
    """Images (B, C, H, W) → Reconstruction. The encoder gets the visible patches only.

    The decoder has position embeddings of its own, fixed sines and cosines: without them every hidden
    patch would be reconstructed alike. It is discarded after pre-training. Its parameters have the names of
    the paper's code.

    Args:
        encoder: The ViT to pre-train.
        decoder_dim: Width of the decoder.
        decoder_depth: Blocks of the decoder.
        decoder_num_heads: Attention heads of its blocks.
        mask_ratio: Share of the patches that is hidden, between 0 and 1.
        norm_targets: Reconstruct each patch with mean zero and variance one (the paper's better variant).

    Raises:
        ValueError: The encoder reduces its tokens, or nothing would be visible or hidden.
    """

    def __init__(
        self,
        encoder: VisionTransformer,
        decoder_dim: int = 512,
        decoder_depth: int = 8,
        decoder_num_heads: int = 16,
        mask_ratio: float = 0.75,
        norm_targets: bool = True,
    ) -> None:
        super().__init__()
        if encoder.config.reduction is not None:
            raise ValueError("an encoder that reduces its tokens cannot be pre-trained by masking them")
        if not 0.0 < mask_ratio < 1.0:
            raise ValueError(f"mask_ratio must be between 0 and 1, not {mask_ratio}")
        self.encoder, self.mask_ratio, self.norm_targets = encoder, mask_ratio, norm_targets
        config = encoder.config
        self.decoder_embed = nn.Linear(config.embed_dim, decoder_dim)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder_dim))
        self.decoder_blocks = nn.ModuleList(
            Block(decoder_dim, decoder_num_heads, norm_eps=config.norm_eps) for _ in range(decoder_depth)
        )
        self.decoder_norm = nn.LayerNorm(decoder_dim, eps=config.norm_eps)
        self.decoder_pred = nn.Linear(decoder_dim, config.patch_size**2 * config.in_chans)
        nn.init.normal_(self.mask_token, std=0.02)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Reconstruction:
        """Reconstruct the hidden patches of a batch.

        Args:
            image: (B, C, H, W).
            noise: (B, N) The patches with the smallest values are visible; random unless given.

        Raises:
            ValueError: The image does not fit, or is so small that no patch would be visible.
        """
        patches, grid = self.encoder.embed(image)
        batch, count, _ = patches.shape
        visible = int(count * (1 - self.mask_ratio))
        if not visible:
            raise ValueError(
                f"of {count} patches none is visible at mask_ratio {self.mask_ratio}: enlarge images"
            )
        noise = torch.rand(batch, count, device=image.device) if noise is None else noise
        order = noise.argsort(dim=1)
        encoded = self._encode(patches, order[:, :visible])
        reconstructed = self._decode(encoded, order, grid)
        targets = patchify(image, self.encoder.config.patch_size)
        if self.norm_targets:
            targets = normed(targets)
        mask = torch.ones_like(noise).scatter(1, order[:, :visible], 0.0)
        errors = (reconstructed - targets).square().mean(dim=-1)
        return Reconstruction((errors * mask).sum() / mask.sum(), reconstructed, mask)

    def _encode(self, patches: Tensor, kept: Tensor) -> Tensor:
        """Prefix tokens and visible patches after the encoder, (B, P + visible, D)."""
        visible_patches = patches.gather(1, kept.unsqueeze(-1).expand(-1, -1, patches.shape[-1]))
        x = torch.cat([self.encoder.prefix(patches.shape[0]), visible_patches], dim=1)
        for block in self.encoder.blocks:
            x, _ = self.encoder.run_block(block, x)
        encoded: Tensor = self.encoder.norm(x)
        return encoded

    def _decode(self, encoded: Tensor, order: Tensor, grid: tuple[int, int]) -> Tensor:
        """Every patch reconstructed, (B, N, p·p·C)."""
        x = self.decoder_embed(encoded)
        num_prefix = self.encoder.num_prefix
        prefix, visible_patches = x[:, :num_prefix], x[:, num_prefix:]
        hidden = self.mask_token.expand(x.shape[0], order.shape[1] - visible_patches.shape[1], -1)
        shuffled = torch.cat([visible_patches, hidden], dim=1)
        patches = torch.zeros_like(shuffled).scatter(
            1, order.unsqueeze(-1).expand(-1, -1, shuffled.shape[-1]), shuffled
        )
        positions = sincos_positions(grid, patches.shape[-1], patches.device)
        x = torch.cat([prefix, patches + positions], dim=1)
        for block in self.decoder_blocks:
            x, _ = block(x)
        reconstructed: Tensor = self.decoder_pred(self.decoder_norm(x))
        return reconstructed[:, num_prefix:]
