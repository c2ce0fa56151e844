"""A hybrid ViT: the tokens of large patches meet the maps of a small CNN over the same image.

The transformer sees the whole at the cost of few tokens; the convolutions see what is smaller than a patch,
and begin with what ImageNet or COCO taught them. After the hybrids of Dosovitskiy et al. 2021, and
ViT-Adapter (Chen et al. 2023), whose convolutions stand beside the patch embedding, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from vit_perception.backbones import efficientnet_lite, picodet
from vit_perception.backbones.backbone import FeatureInfo
from vit_perception.backbones.features import TokenFeatures
from vit_perception.backbones.vit import VisionTransformer, ViTConfig

_PATCH = 32
# Name → the module that makes them.
CONVOLUTIONS = {"efficientnet_lite0": efficientnet_lite, "picodet_s": picodet}


@dataclass(frozen=True)
class HybridConfig(ViTConfig):
    """Architecture of a hybrid ViT: that of the transformer, whose patches have 32 pixels.

    Attributes:
        convolutions: those of EfficientNet-Lite0, or of PicoDet-S with its neck; one of CONVOLUTIONS.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    patch_size: int = _PATCH
    convolutions: str = "efficientnet_lite0"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch_size != _PATCH:
            raise ValueError(f"patch_size of a hybrid must be {_PATCH}, not {self.patch_size}")
        if self.convolutions not in CONVOLUTIONS:
            raise ValueError(f"convolutions is {self.convolutions!r}: choose from {', '.join(CONVOLUTIONS)}")


_SMALL: dict[str, Any] = {"embed_dim": 384, "depth": 8, "num_heads": 6, "layer_scale": 1e-5}
VARIANTS = {
    "hybrid_small_patch32": HybridConfig(**_SMALL),
    "hybrid_small_patch32_picodet": HybridConfig(**_SMALL, convolutions="picodet_s"),
}


class Hybrid(VisionTransformer):
    """Image (B, C, H, W) → TokenFeatures, for any H and W that are multiples of 32.

    The coarsest map of the convolutions is added to the patch tokens. Layers are the convolutions' maps at
    strides 8, 16 and 32, then, where there is a neck, its maps at 8 to 64, then the blocks.
    """

    def __init__(self, config: HybridConfig) -> None:
        super().__init__(config)
        parts = CONVOLUTIONS[config.convolutions]
        maps = [FeatureInfo(channels, stride) for stride, channels in parts.CHANNELS.items()]
        # After the blocks, so that layer decay leaves them a higher rate (training/learning_rate.py).
        self.stem, self.stages = parts.make_stages(config.in_chans)
        self.run_stages = parts.run_stages
        self.join = nn.Conv2d(maps[-1].channels, config.embed_dim, 1)
        # Little at first: the blocks know the patch embedding alone.
        nn.init.normal_(self.join.weight, std=0.002)
        self.neck = picodet.Neck() if parts is picodet else None
        if self.neck is not None:
            self.neck_layers = tuple(range(len(maps), len(maps) + len(picodet.NECK_STRIDES)))
            maps += [FeatureInfo(picodet.NECK_CHANNELS, stride) for stride in picodet.NECK_STRIDES]
        self.feature_info = (*maps, *self.feature_info)

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode as `Backbone.forward` does."""
        kept = self._intermediates(image, layers, attention_layers)
        maps = self.run_stages(self.stem, self.stages, image)
        patches, grid = self.embed(image)
        patches = patches + self.join(maps[-1]).flatten(2).transpose(1, 2)
        if self.neck is not None:
            maps += self.neck(maps)
        kept.maps.update((index, feature) for index, feature in enumerate(maps) if index in kept.layers)
        return self.encode(patches, grid, kept, first_layer=len(maps))
