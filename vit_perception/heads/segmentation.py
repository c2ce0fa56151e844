"""A class for every place, at a quarter of the patch size."""

from __future__ import annotations

from torch import Tensor, nn

from vit_perception.heads.pyramid import PyramidConfig, conv_block


class SegmentationHead(nn.Module):
    """Pyramid level p2 (B, fine_width, h, w) → logits (B, num_classes, h, w), for a softmax."""

    def __init__(self, pyramid: PyramidConfig, num_classes: int) -> None:
        super().__init__()
        self.conv = conv_block(pyramid.fine_width, pyramid.fine_width)
        self.dropout = nn.Dropout2d(0.1)
        self.predict = nn.Conv2d(pyramid.fine_width, num_classes, 1)

    def forward(self, pyramid: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"segmentation": self.predict(self.dropout(self.conv(pyramid["p2"])))}
