"""EoMT for semantic segmentation: the image in square crops, whose answers are put together again."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.hub.public_model import PublicModel


class CropSegmenter(PublicModel):
    """Masks of square crops of `side` pixels, averaged where they overlap, which no more than two do."""

    outputs = ("segmentation",)

    def __init__(self, model: nn.Module, side: int) -> None:
        super().__init__(model)
        self._side = side

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        side, (batch, _, height, width) = self._side, image.shape
        rows, columns = (_starts(length, side, image.device) for length in (height, width))
        within = torch.arange(side, device=image.device)
        crops = image
        for axis, starts, length in ((2, rows, height), (3, columns, width)):
            places = (starts[:, None] + within).clamp(max=length - 1)
            crops = crops.index_select(axis, places.reshape(-1))
        crops = crops.reshape(batch, 3, rows.shape[0], side, columns.shape[0], side)
        crops = crops.permute(0, 2, 4, 1, 3, 5).reshape(-1, 3, side, side)
        answer = self.model(pixel_values=crops)
        masks = F.interpolate(answer.masks_queries_logits, (side, side), mode="bilinear").sigmoid()
        classes = answer.class_queries_logits.softmax(dim=-1)[..., :-1]
        scores = torch.einsum("bqc,bqhw->bchw", classes, masks)
        scores = scores.reshape(batch, rows.shape[0], columns.shape[0], -1, side, side)
        scores = scores.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
        scores = _merged(scores, 2, rows, height, side)
        return {"segmentation": _merged(scores, 3, columns, width, side)}


def _starts(length: int, side: int, device: torch.device) -> Tensor:
    """(n,) int64: where crops of `side` pixels begin, as few as cover `length`, evenly spread."""
    # Nothing negative is divided: a graph would round it up.
    places = torch.arange((length + side - 1) // side, device=device)
    span = places[-1].clamp(min=1)
    return (places * (length - side) // span).clamp(min=0)


def _merged(values: Tensor, axis: int, starts: Tensor, length: int, side: int) -> Tensor:
    """Crops that lie one after another along `axis` → `length` places, those that two crops see averaged."""
    places = torch.arange(length, device=values.device)[:, None]
    begun, ended = places >= starts, places >= starts + side
    last, first = begun.sum(dim=1) - 1, ended.sum(dim=1)
    both = [values.index_select(axis, crop * side + places[:, 0] - starts[crop]) for crop in (first, last)]
    return (both[0] + both[1]) / 2
