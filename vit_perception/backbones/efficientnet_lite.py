"""EfficientNet-Lite0 without its classifier: the convolutions of the hybrid ViT, and a backbone alone.

It is EfficientNet-B0 (Tan and Le 2019) without squeeze-and-excitation and with ReLU6, which int8 computes
well. Alone it is what a ViT is measured against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone, FeatureInfo
from vit_perception.backbones.features import TokenFeatures
from vit_perception.layers.checks import check_counts
from vit_perception.layers.conv import DepthwiseConv, initialise


@dataclass(frozen=True)
class Stage:
    """Some inverted residuals; only the first one has the stride and changes the channels."""

    kernel: int
    stride: int
    expansion: int
    channels: int
    repeats: int


STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
    Stage(3, 1, 6, 320, 1),
)
_STEM = 32
# Stages whose maps are kept: the last ones at the strides 8, 16 and 32.
_KEPT = (2, 4, 6)
# Stride → channels of its map.
CHANNELS = {8: 40, 16: 112, 32: 320}
# Channels of each head of the attention with which heads read the tokens, as in a ViT-S.
_HEAD_DIM = 64


@dataclass(frozen=True)
class EfficientNetLiteConfig:
    """Architecture of an EfficientNet-Lite0, of which only the image may differ.

    Attributes:
        in_chans: channels of the image.

    Raises:
        ValueError: it is no count.
    """

    in_chans: int = 3

    def __post_init__(self) -> None:
        check_counts(self, "in_chans")


VARIANTS = {"efficientnet_lite0": EfficientNetLiteConfig()}


class ConvNormRelu6(nn.Module):
    """Convolution, batch norm and perhaps ReLU6, (B, C, H, W) → (B, C', ⌈H / stride⌉, ⌈W / stride⌉).

    Padded as in TensorFlow, where the weights come from: with a stride of 2, one cell less at the top and the
    left. The batch norm keeps the statistics of pre-training, as in detectors, whose batches are small.

    Args:
        in_channels: C.
        channels: C'.
        kernel: side of the kernel in cells, odd.
        stride: step of the kernel in cells, 1 or 2.
        depthwise: whether each channel is convolved by itself; then C' is C.
        act: whether ReLU6 follows the norm.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int,
        stride: int = 1,
        depthwise: bool = False,
        act: bool = True,
    ) -> None:
        super().__init__()
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
        self._uneven = (before, after) * 2 if before != after else None
        padding = 0 if self._uneven else before
        self.conv = (
            DepthwiseConv(channels, kernel, stride, padding)
            if depthwise
            else nn.Conv2d(in_channels, channels, kernel, stride, padding, bias=False)
        )
        self.bn = nn.BatchNorm2d(channels, eps=1e-3)
        self.act = nn.ReLU6() if act else nn.Identity()

    def train(self, mode: bool = True) -> ConvNormRelu6:
        super().train(mode)
        self.bn.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        if self._uneven is not None:
            x = F.pad(x, self._uneven)
        normed: Tensor = self.act(self.bn(self.conv(x)))
        return normed


class InvertedResidual(nn.Module):
    """Widen, depth-wise convolution, narrow (MobileNetV2, Sandler et al. 2018); a shortcut where it fits."""

    def __init__(self, in_channels: int, channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        mid = in_channels * expansion
        self.expand = ConvNormRelu6(in_channels, mid, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNormRelu6(mid, mid, kernel, stride, depthwise=True)
        self.project = ConvNormRelu6(mid, channels, 1, act=False)
        self.has_shortcut = stride == 1 and in_channels == channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.has_shortcut else y


def make_stages(in_chans: int = 3) -> tuple[ConvNormRelu6, nn.ModuleList]:
    """The stem, which halves an image of so many channels, and the stages, with random weights."""
    stem, stages, before = ConvNormRelu6(in_chans, _STEM, 3, 2), nn.ModuleList(), _STEM
    for stage in STAGES:
        blocks = []
        for stride in (stage.stride, *[1] * (stage.repeats - 1)):
            blocks.append(InvertedResidual(before, stage.channels, stage.kernel, stride, stage.expansion))
            before = stage.channels
        stages.append(nn.Sequential(*blocks))
    initialise(stem)
    initialise(stages)
    return stem, stages


def run_stages(stem: nn.Module, stages: nn.ModuleList, image: Tensor) -> list[Tensor]:
    """Image (B, C, H, W) → maps (B, C', ⌈H / s⌉, ⌈W / s⌉) at the strides s of CHANNELS."""
    x, maps = stem(image), []
    for index, stage in enumerate(stages):
        x = stage(x)
        if index in _KEPT:
            maps.append(x)
    return maps


class EfficientNetLite(Backbone):
    """Image (B, C, H, W) → TokenFeatures, for any H and W that are multiples of 32.

    The layers are the maps at strides 8, 16 and 32; the cells of the last one are the tokens, and their mean
    is the class token. It has no blocks, and so no attention to show.
    """

    first_conv = "stem.conv.weight"

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        super().__init__()
        self.config = config
        self.in_chans, self.num_blocks = config.in_chans, 0
        self.feature_info = tuple(FeatureInfo(channels, stride) for stride, channels in CHANNELS.items())
        self.size_divisor, self.embed_dim = self.stride, self.feature_info[-1].channels
        self.num_heads = self.embed_dim // _HEAD_DIM
        self.stem, self.stages = make_stages(config.in_chans)

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode as `Backbone.forward` does."""
        kept = self._intermediates(image, layers, attention_layers)
        maps = run_stages(self.stem, self.stages, image)
        kept.maps.update((index, feature) for index, feature in enumerate(maps) if index in kept.layers)
        tokens = maps[-1].flatten(2).transpose(1, 2)
        return kept.features(tokens[:, :0], tokens, (maps[-1].shape[-2], maps[-1].shape[-1]))
