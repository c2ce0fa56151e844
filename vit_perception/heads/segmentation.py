"""A class for every place, by one of three decoders that take the tokens and the pyramid made of them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures, to_map
from vit_perception.heads.pyramid import PyramidConfig, conv_block


class PyramidDecoder(nn.Module):
    """Pyramid level p2 (B, fine_width, h, w) → logits (B, num_classes, h, w), for a softmax."""

    def __init__(self, pyramid: PyramidConfig, num_classes: int) -> None:
        super().__init__()
        self.conv = conv_block(pyramid.fine_width, pyramid.fine_width)
        self.dropout = nn.Dropout2d(0.1)
        self.predict = nn.Conv2d(pyramid.fine_width, num_classes, 1)

    def forward(self, features: TokenFeatures, pyramid: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"segmentation": self.predict(self.dropout(self.conv(pyramid["p2"])))}


class LinearDecoder(nn.Module):
    """Patch tokens → logits (B, num_classes, 4·gh, 4·gw): a linear layer, enlarged bilinearly.

    The fewest parameters, and what linear probes of a backbone report (Strudel et al. 2021).
    """

    def __init__(self, embed_dim: int, num_classes: int) -> None:
        super().__init__()
        self.predict = nn.Conv2d(embed_dim, num_classes, 1)

    def forward(self, features: TokenFeatures, pyramid: dict[str, Tensor]) -> dict[str, Tensor]:
        logits: Tensor = self.predict(to_map(features.patch_tokens, features.grid))
        size = (features.grid[0] * 4, features.grid[1] * 4)
        return {"segmentation": F.interpolate(logits, size=size, mode="bilinear")}


class ProgressiveDecoder(nn.Module):
    """Patch tokens → logits (B, num_classes, 4·gh, 4·gw): convolve and double, twice.

    SETR-PUP (Zheng et al. 2021), to a quarter of the patch instead of to pixels.
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
    """The decoder of this name.

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
