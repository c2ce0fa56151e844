"""A PicoDet-S with random weights, as PaddleDetection's files for inference have one."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from vit_perception.backbones.picodet import Neck, make_stages, run_stages
from vit_perception.heads.picodet import PicoDetHead

CLASSES = 80


class Published(nn.Module):
    """Image → the scores and the distances of each level, which one convolution of the level gives."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.stages = make_stages()
        self.neck, self.head = Neck(), PicoDetHead(CLASSES)
        for parameter in self.parameters():
            if parameter.ndim == 1:
                nn.init.normal_(parameter, std=0.1)
        self.predict = nn.ModuleDict()
        for level, scores in self.head.scores.items():
            self.predict[level] = nn.Conv2d(scores.in_channels, CLASSES + 32, 1)
            for name, both in self.predict[level].named_parameters():
                own = (module.get_parameter(name) for module in (scores, self.head.distances[level]))
                both.data = torch.cat(list(own))

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = run_stages(self.stem, self.stages, image)
        levels = zip(self.head.strides, self.neck(maps), strict=True)
        return [
            self.predict[level](self.head.towers[level](x)).split([CLASSES, 32], dim=1)[0].sigmoid()
            for level, x in levels
        ]


def write_picodet(path: Path) -> Published:
    """Write such a file; returns what it holds."""
    model = Published().eval()
    torch.onnx.export(model, (torch.zeros(1, 3, 64, 96),), path, dynamo=False)
    return model
