"""A hybrid ViT: the tokens of large patches meet the maps of a small CNN over the same image.

The transformer sees the whole at the cost of few tokens; the convolutions see what is smaller than a patch,
and begin with what ImageNet taught them. After the hybrids of Dosovitskiy et al. 2021, and ViT-Adapter (Chen
et al. 2023), whose convolutions stand beside the patch embedding, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from vit_perception.backbones.backbone import FeatureInfo
from vit_perception.backbones.efficientnet_lite import CHANNELS, make_stages, run_stages
from vit_perception.backbones.features import TokenFeatures
from vit_perception.backbones.vit import VisionTransformer, ViTConfig

_PATCH = 32


@dataclass(frozen=True)
class HybridConfig(ViTConfig):
    """Architecture of a hybrid ViT: that of the transformer, whose patches have 32 pixels.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    patch_size: int = _PATCH

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch_size != _PATCH:
            raise ValueError(f"patch_size of a hybrid must be {_PATCH}, not {self.patch_size}")


VARIANTS = {"hybrid_small_patch32": HybridConfig(embed_dim=384, depth=8, num_heads=6, layer_scale=1e-5)}


class Hybrid(VisionTransformer):
    """Image (B, C, H, W) → TokenFeatures, for any H and W that are multiples of 32.

    The coarsest map of the convolutions is added to the patch tokens. Layers are the convolutions' maps at
    strides 8, 16 and 32, then the blocks.
    """

    def __init__(self, config: HybridConfig) -> None:
        super().__init__(config)
        maps = tuple(FeatureInfo(channels, stride) for stride, channels in CHANNELS.items())
        self.feature_info = maps + self.feature_info
        # After the blocks, so that layer decay leaves them a higher rate (training/learning_rate.py).
        self.stem, self.stages = make_stages(config.in_chans)
        self.join = nn.Conv2d(CHANNELS[_PATCH], config.embed_dim, 1)
        # Little at first: the blocks know the patch embedding alone.
        nn.init.normal_(self.join.weight, std=0.002)

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode as `Backbone.forward` does."""
        kept = self._intermediates(image, layers, attention_layers)
        maps = run_stages(self.stem, self.stages, image)
        kept.maps.update((index, feature) for index, feature in enumerate(maps) if index in kept.layers)
        patches, grid = self.embed(image)
        patches = patches + self.join(maps[-1]).flatten(2).transpose(1, 2)
        return self.encode(patches, grid, kept, first_layer=len(maps))
