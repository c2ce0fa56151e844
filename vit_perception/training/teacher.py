"""A frozen model that a student learns from, and what it says of the student's pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.features import TokenFeatures
from vit_perception.cards.card import load_card
from vit_perception.cards.locate import find_model
from vit_perception.runtime.engines.torch import load_model
from vit_perception.tasks import CLASSIFICATION
from vit_perception.training.sources import read_backbone
from vit_perception.training.student import is_ours

Channels = tuple[float, ...]


@dataclass(frozen=True)
class Teacher:
    """A model in evaluation mode.

    Attributes:
        backbone: gives its tokens.
        head: gives logits of its classes from them; None if it knows no classes.
        mean: of the three channels of its input, for pixels from 0 to 1.
        std: as `mean`.
        labels: names of its classes.
        temperature: divides its logits, so that they are of probabilities.
        threshold: probability from which a class is there.
    """

    backbone: Backbone
    head: nn.Module | None
    mean: Channels
    std: Channels
    labels: tuple[str, ...] = ()
    temperature: float = 1.0
    threshold: float = 0.5

    @torch.no_grad()
    def __call__(self, image: Tensor, mean: Channels, std: Channels) -> tuple[TokenFeatures, Tensor | None]:
        """Its tokens, and logits (B, C) of its classes.

        Args:
            image: (B, 3, H, W), normalised for another model; resized where H and W do not fit this one.
            mean: with which it was normalised.
            std: as `mean`.
        """
        old_mean, old_std, new_mean, new_std = (
            torch.tensor(values, device=image.device)[:, None, None]
            for values in (mean, std, self.mean, self.std)
        )
        image = (image * old_std + old_mean - new_mean) / new_std
        unit = self.backbone.size_divisor
        size = [max(round(side / unit), 1) * unit for side in image.shape[-2:]]
        features = self.backbone(resized(image, size))
        if self.head is None:
            return features, None
        return features, self.head(features)["classification"].float() / self.temperature


def resized(values: Tensor, size: list[int]) -> Tensor:
    """(B, C, H, W) in another height and width, smoothed where it becomes smaller."""
    if list(values.shape[-2:]) == size:
        return values
    return F.interpolate(values, size, mode="bilinear", antialias=True)


def load_teacher(source: str, device: torch.device) -> Teacher:
    """Load a teacher.

    Args:
        source: name or folder of a model of ours, or a backbone, see `read_backbone`.
        device: that it computes on.

    Raises:
        FileNotFoundError: there is no such model or checkpoint.
        ValueError: it is damaged, or neither a model of ours nor a backbone.
    """
    if not is_ours(source):
        backbone, mean, std, _ = read_backbone(source)
        return Teacher(backbone.to(device).eval(), None, mean, std)
    card = load_card(find_model(source))
    model = load_model(card).to(device)
    if CLASSIFICATION not in card.trained:
        return Teacher(model.backbone, None, card.mean, card.std)
    return Teacher(
        model.backbone,
        model.heads[CLASSIFICATION],
        card.mean,
        card.std,
        card.labels,
        card.decoding.classification.temperature,
        card.thresholds[CLASSIFICATION],
    )
