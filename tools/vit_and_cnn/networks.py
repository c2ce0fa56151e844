"""The two networks: a ViT of ours and a CNN of torchvision, which take an engine about equally long."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import shufflenet_v2_x0_5

from vit_and_cnn.plan import GRID, SIZE
from vit_perception.backbones.vit import VisionTransformer, ViTConfig
from vit_perception.layers.sincos import sincos_positions

# ShuffleNet V2 (Ma et al. 2018) was designed for speed on a processor, and not for few operations.
CONFIG = ViTConfig(patch_size=SIZE[0] // GRID[0], embed_dim=96, depth=4, num_heads=3, pos_grid=GRID)
NAMES = ("vit", "cnn")
TITLES = {"vit": "ViT, 96 wide, 4 blocks, patch 12", "cnn": "ShuffleNet V2 ×0.5"}


class MeanToken(nn.Module):
    """Image (B, 3, H, W) → the mean of the ViT's patch tokens (B, D), as the CNN has the mean of its map.

    The mean and positions that begin as sines and cosines are what small ViTs learn best with from few
    pictures (Beyer et al. 2022, "Better plain ViT baselines for ImageNet-1k").
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.vit = VisionTransformer(config)
        with torch.no_grad():
            self.vit.pos_embed[:, config.num_position_tokens :] = sincos_positions(GRID, config.embed_dim)

    def forward(self, image: Tensor) -> Tensor:
        return self.vit(image).patch_tokens.mean(dim=1)


class Network(nn.Module):
    """Image (B, 3, H, W), normalised → (B, outputs): features of a backbone, and a linear layer.

    Args:
        name: one of `NAMES`.
        outputs: number of them.
    """

    def __init__(self, name: str, outputs: int) -> None:
        super().__init__()
        if name == "vit":
            self.backbone: nn.Module = MeanToken(CONFIG)
            features = CONFIG.embed_dim
        else:
            cnn = shufflenet_v2_x0_5()
            features, cnn.fc = cnn.fc.in_features, nn.Identity()
            self.backbone = cnn
        self.head = nn.Linear(features, outputs)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.backbone(image))
