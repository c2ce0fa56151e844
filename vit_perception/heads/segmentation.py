"""Semantic segmentation: a class for every pixel, by one of three decoders."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures, to_map
from vit_perception.heads.pyramid import PyramidConfig, conv_block


class PyramidDecoder(nn.Module):
    """Level p2 (B, fine_width, h, w) → {"segmentation": logits (B, num_classes, h, w)}, for a softmax.

    Args:
        pyramid: the configuration of the pyramid.
        num_classes: number of classes.
    """

    def __init__(self, pyramid: PyramidConfig, num_classes: int) -> None:
        super().__init__()
        self.conv = conv_block(pyramid.fine_width, pyramid.fine_width, separable=pyramid.separable)
        self.dropout = nn.Dropout2d(0.1)
        self.predict = nn.Conv2d(pyramid.fine_width, num_classes, 1)

    def forward(self, features: TokenFeatures, pyramid: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"segmentation": self.predict(self.dropout(self.conv(pyramid["p2"])))}


class LinearDecoder(nn.Module):
    """Patch tokens → {"segmentation": logits (B, num_classes, 4·gh, 4·gw)}, for a softmax.

    A linear layer whose output is enlarged bilinearly: the fewest parameters, and the usual linear probe of a
    backbone (Strudel et al. 2021).

    Args:
        embed_dim: D, channels of the backbone's tokens.
        num_classes: number of classes.
    """

    def __init__(self, embed_dim: int, num_classes: int) -> None:
        super().__init__()
        self.predict = nn.Conv2d(embed_dim, num_classes, 1)

    def forward(self, features: TokenFeatures, pyramid: dict[str, Tensor]) -> dict[str, Tensor]:
        logits: Tensor = self.predict(to_map(features.patch_tokens, features.grid))
        size = (features.grid[0] * 4, features.grid[1] * 4)
        return {"segmentation": F.interpolate(logits, size=size, mode="bilinear")}


class ProgressiveDecoder(nn.Module):
    """Patch tokens → {"segmentation": logits (B, num_classes, 4·gh, 4·gw)}, for a softmax.

    Progressive upsampling (SETR-PUP, Zheng et al. 2021): a convolution and a doubling of the resolution,
    twice, to a quarter of the patch instead of to single pixels.

    Args:
        embed_dim: D, channels of the backbone's tokens.
        width: channels of the convolutions.
        num_classes: number of classes.
    """

    def __init__(self, embed_dim: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList([conv_block(embed_dim, width), conv_block(width, width)])
        self.refine = conv_block(width, width)
        self.predict = nn.Conv2d(width, num_classes, 1)

    def forward(self, features: TokenFeatures, pyramid: dict[str, Tensor]) -> dict[str, Tensor]:
        x = to_map(features.patch_tokens, features.grid)
        for doubled, step in enumerate(self.steps, 1):
            size = (features.grid[0] << doubled, features.grid[1] << doubled)
            x = F.interpolate(step(x), size=size, mode="bilinear")
        return {"segmentation": self.predict(self.refine(x))}


DECODERS = ("pyramid", "progressive", "linear")


def make_decoder(kind: str, embed_dim: int, pyramid: PyramidConfig, num_classes: int) -> nn.Module:
    """Build a segmentation head. All take the features and the pyramid, and use one of the two.

    Args:
        kind: one of DECODERS.
        embed_dim: D, channels of the backbone's tokens.
        pyramid: the configuration of the pyramid.
        num_classes: number of classes.

    Raises:
        ValueError: the name is unknown.
    """
    if kind == "pyramid":
        return PyramidDecoder(pyramid, num_classes)
    if kind == "progressive":
        return ProgressiveDecoder(embed_dim, pyramid.width, num_classes)
    if kind == "linear":
        return LinearDecoder(embed_dim, num_classes)
    raise ValueError(f"unknown decoder {kind!r}: choose from {', '.join(DECODERS)}")
