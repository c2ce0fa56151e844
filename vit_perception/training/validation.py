"""A model in training, evaluated on held-out pictures as a robot will run it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from vit_perception.cards.card import Card
from vit_perception.model import PerceptionModel
from vit_perception.runtime.decode import decode
from vit_perception.runtime.preprocess import normalised, preprocess
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Perception
from vit_perception.tasks import CLASSIFICATION, DETECTION, NAVIGATION, SEGMENTATION
from vit_perception.training.examples import Pictures
from vit_perception.training.metrics import METRIC_THRESHOLDS, evaluate


@torch.inference_mode()
def predict(model: PerceptionModel, card: Card, rgb: np.ndarray, bf16: bool = True) -> Perception:
    """The model's answers to one picture, pre-processed and decoded as at run time.

    Args:
        model: in evaluation mode, on any device.
        card: its input sizes, mean, std and rules of decoding.
        rgb: (H, W, 3) uint8.
        bf16: whether to compute in bfloat16.

    Returns:
        Results in source pixels, with scores from `METRIC_THRESHOLDS` up.
    """
    device = next(model.parameters()).device
    pixels, geometry = preprocess(rgb, card, order="rgb")
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        outputs = model(torch.from_numpy(normalised(pixels, card)).to(device))
    raw = {name: value.float().cpu().numpy() for name, value in outputs.items()}
    request = Request((CLASSIFICATION, DETECTION, SEGMENTATION, NAVIGATION), METRIC_THRESHOLDS)
    return decode(raw, geometry, card, request)


def validate(
    model: PerceptionModel, card: Card, pictures: Pictures, numbers: Iterable[int], bf16: bool = True
) -> dict[str, float]:
    """All metrics of `metrics.evaluate` for a model in evaluation mode."""
    return evaluate(pictures, numbers, lambda rgb: predict(model, card, rgb, bf16))
