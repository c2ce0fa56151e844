"""Small models as their publishers save them, and photographs to show them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vit_perception.viz.pictures import read_picture

# Landscape, portrait and square, none of them a multiple of anything.
SIZES = {"landscape": (213, 317), "portrait": (301, 199), "square": (240, 240)}


def photographs() -> dict[str, np.ndarray]:
    """Cut-outs (H, W, 3) uint8 RGB of scikit-image's photographs, by their shape."""
    import skimage

    picture = read_picture(Path(os.fspath(skimage.__file__)).parent / "data" / "astronaut.png")
    return {name: np.ascontiguousarray(picture[: size[0], 60 : 60 + size[1]]) for name, size in SIZES.items()}


def publish(folder: Path, model: Any, *processors: Any) -> Path:
    """Save a model and what prepares its images and texts, as `save_pretrained` does."""
    torch.manual_seed(0)
    sharpen(model)
    model.save_pretrained(folder)
    for processor in processors:
        processor.save_pretrained(folder)
    return folder


def sharpen(model: Any, scale: float = 3.0) -> None:
    """Larger random weights: what is near zero everywhere would agree with anything."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(scale)


def settle(model: Any, logits: Callable[[], torch.Tensor]) -> None:
    """Statistics of batch normalisation as after training, then a last layer whose `logits`, of photographs,
    are neither alike nor so far apart that one of 256 levels of a pixel decides."""
    norms = [
        module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
    ]
    last = [module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1]
    with torch.no_grad():
        for norm in norms:
            norm.momentum = 1.0
        torch.nn.init.normal_(last.weight)
        model.train(bool(norms))
        logits()
        model.eval()
        found = logits()
        last.weight.mul_(1.0 / float(found.std()))
        if last.bias is not None:
            last.bias.zero_()
