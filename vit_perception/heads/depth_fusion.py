"""RGB-D fusion: a depth image becomes tokens, to which the image's tokens attend by cross-attention."""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures
from vit_perception.layers.attention import CrossAttention
from vit_perception.layers.block import LayerScale
from vit_perception.layers.patch_embed import PatchEmbed
from vit_perception.layers.sincos import sincos_positions


class DepthFusion(nn.Module):
    """TokenFeatures and depth (B, 1, H, W) → TokenFeatures of the same shapes.

    A patch without a valid depth becomes a learned no-depth token, and a frame without a depth image is one
    such token: a failed sensor and a missing one look the same.

    Args:
        embed_dim: D, channels of the backbone's tokens.
        num_heads: attention heads; they divide `embed_dim`.
        stride: side of a depth patch in pixels.
        drop_depth: probability, in [0, 1), of hiding the depth of a sample in training, so that the
            navigation head also learns to work without depth (ModDrop, Neverova et al. 2015).

    Raises:
        ValueError: `drop_depth` is out of its range.
    """

    def __init__(self, embed_dim: int, num_heads: int, stride: int, drop_depth: float = 0.2) -> None:
        super().__init__()
        if not 0.0 <= drop_depth < 1.0:
            raise ValueError(f"drop_depth {drop_depth} is not a probability in [0, 1)")
        self.stride, self.drop_depth = stride, drop_depth
        # Two channels: log(1 + distance), which resolves near distances best, and whether it is valid.
        self.patch_embed = PatchEmbed(stride, 2, embed_dim)
        self.no_depth = nn.Parameter(torch.zeros(1, 1, embed_dim))
        nn.init.trunc_normal_(self.no_depth, std=0.02)
        self.norm = nn.LayerNorm(embed_dim)
        self.norm_depth = nn.LayerNorm(embed_dim)
        self.read = CrossAttention(embed_dim, num_heads)
        self.scale = LayerScale(
            embed_dim, 0.1
        )  # small, so that training starts near the features of the image

    def forward(self, features: TokenFeatures, depth: Tensor | None = None) -> TokenFeatures:
        """Fuse the depth into the features.

        Args:
            features: of the image.
            depth: (B, 1, H, W) in metres, registered to the image; 0 and values that are not finite are
                invalid. None without a depth camera.

        Raises:
            ValueError: depth is not (B, 1, H, W) with the features' batch.
        """
        context = self.norm_depth(self._tokens(depth, features.cls_token.shape[0]))

        def fuse(tokens: Tensor) -> Tensor:
            attended: Tensor = self.scale(self.read(self.norm(tokens), context))
            return tokens + attended

        # Not all tokens at once: OpenVINO 2026.4 computes such a concatenation in memory that it shares with
        # the backbone's last map, so that this head would overwrite the input of all others.
        prefix = fuse(torch.cat([features.cls_token.unsqueeze(1), features.prefix_tokens], dim=1))
        return dataclasses.replace(
            features,
            cls_token=prefix[:, 0],
            prefix_tokens=prefix[:, 1:],
            patch_tokens=fuse(features.patch_tokens),
        )

    def _tokens(self, depth: Tensor | None, batch: int) -> Tensor:
        """Depth (B, 1, H, W) → tokens (B, N, D); without depth, a single no-depth token."""
        if depth is None:
            return self.no_depth.expand(batch, -1, -1)
        if depth.ndim != 4 or depth.shape[:2] != (batch, 1):
            raise ValueError(f"depth has shape {tuple(depth.shape)}, not ({batch}, 1, H, W)")
        valid = depth.isfinite() & (depth > 0)
        if self.training and self.drop_depth > 0:
            valid = valid & (torch.rand(batch, 1, 1, 1, device=depth.device) >= self.drop_depth)
        distance = torch.where(valid, depth, torch.zeros_like(depth)).log1p()
        height, width = depth.shape[-2:]
        channels = F.pad(
            torch.cat([distance, valid.to(distance.dtype)], dim=1),
            (0, -width % self.stride, 0, -height % self.stride),
        )
        grid = (channels.shape[-2] // self.stride, channels.shape[-1] // self.stride)
        positions = sincos_positions(grid, self.no_depth.shape[-1], depth.device)
        any_valid = F.max_pool2d(channels[:, 1:], self.stride).flatten(2).transpose(1, 2) > 0
        tokens = self.patch_embed(channels) + positions
        return torch.where(any_valid, tokens, self.no_depth)
