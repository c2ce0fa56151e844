"""Pre-train a ViT: `python -m vit_perception.training.pretrain --images DIR --output DIR`.

Masked autoencoding (MAE, He et al. 2022) of random crops of pictures, which need no labels. Every few steps
`output/last.pt` is saved, from which `--resume` continues; at the end `output/encoder.safetensors` is a
backbone for `load_backbone`.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from vit_perception.backbones.registry import VARIANTS, make_backbone
from vit_perception.backbones.vit import VisionTransformer, ViTConfig
from vit_perception.training.learning_rate import LearningRate, parameter_groups
from vit_perception.training.mae import MaskedAutoencoder
from vit_perception.viz.pictures import find_pictures

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Pretraining:
    """The settings of a pre-training run.

    Attributes:
        steps: Optimiser steps.
        batch_size: Crops in a batch.
        size: Pixels a side of the crops.
        rate: Peak learning rate for a batch of 256; in proportion for other batches, as in the paper.
        warmup: Share of the run in which the learning rate rises.
        weight_decay: Of matrices and kernels.
        mask_ratio: Share of the patches that is hidden.
        seed: Of everything random.
    """

    steps: int = 20000
    batch_size: int = 64
    size: int = 224
    rate: float = 1.5e-4
    warmup: float = 0.05
    weight_decay: float = 0.05
    mask_ratio: float = 0.75
    seed: int = 0

    @property
    def learning_rate(self) -> LearningRate:
        """One peak for all parameters, scaled to the batch."""
        peak = self.rate * self.batch_size / 256
        return LearningRate(peak, peak, 1.0, self.warmup, self.weight_decay)


def crop(rgb: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random square of a picture, resized.

    Args:
        rgb: (H, W, 3) uint8.
        size: Pixels a side of the result.
        rng: Draws the area (20 to 100 % of the largest square), the place, and whether it is mirrored.

    Returns:
        (size, size, 3) uint8.
    """
    height, width = rgb.shape[:2]
    side = max(round(math.sqrt(rng.uniform(0.2, 1.0)) * min(height, width)), 1)
    y, x = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    square = cv2.resize(rgb[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_AREA)
    return square[:, ::-1] if rng.random() < 0.5 else square


def batches(pictures: list[Path], plan: Pretraining, start: int) -> Iterator[Tensor]:
    """Normalised crops (B, 3, size, size) without end.

    Each step draws from a seed of its own, so that a resumed run gets the batches that it would have got.
    Files that cannot be read are skipped.

    Args:
        pictures: Files to draw from.
        plan: Its batch size, size and seed.
        start: The first step.

    Raises:
        ValueError: Hardly any of the files can be read.
    """
    step = start
    while True:
        rng = np.random.default_rng((plan.seed, step))
        crops: list[np.ndarray] = []
        misses = 0
        while len(crops) < plan.batch_size:
            path = pictures[rng.integers(len(pictures))]
            image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
            if image is None:
                misses += 1
                if misses > 10 * plan.batch_size:
                    raise ValueError(
                        f"OpenCV reads hardly any of these pictures, as {path}: give JPEG or PNG files"
                    )
                continue
            crops.append((crop(image, plan.size, rng).astype(np.float32) / 255 - MEAN) / STD)
        yield torch.from_numpy(np.stack(crops).transpose(0, 3, 1, 2).astype(np.float32))
        step += 1


def pretrain(
    pictures: list[Path],
    output: Path,
    config: ViTConfig,
    plan: Pretraining,
    every: int = 100,
    resume: Path | None = None,
) -> Path:
    """Pre-train a ViT.

    Args:
        pictures: Files to draw crops from.
        output: Folder for `last.pt` and `encoder.safetensors`.
        config: Of the ViT.
        plan: How long, on what batches and how fast.
        every: Steps between saves of `last.pt`.
        resume: `last.pt` of an earlier run, to continue from.

    Returns:
        The path of the encoder's safetensors.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(plan.seed)
    output.mkdir(parents=True, exist_ok=True)
    encoder = make_backbone(config)
    assert isinstance(encoder, VisionTransformer)
    decoder_dim = max(64, config.embed_dim // 2)
    model = MaskedAutoencoder(encoder, decoder_dim, 4, max(decoder_dim // 32, 1), plan.mask_ratio).to(device)
    optimiser = torch.optim.AdamW(parameter_groups(model, plan.learning_rate), betas=(0.9, 0.95))
    start = 0
    if resume is not None:
        kept = torch.load(resume, map_location=device, weights_only=True)
        model.load_state_dict(kept["model"])
        optimiser.load_state_dict(kept["optimiser"])
        start = kept["step"]
    began, total = time.monotonic(), 0.0
    source = batches(pictures, plan, start)
    for step in range(start, plan.steps):
        plan.learning_rate.set(optimiser, (step + 1) / plan.steps)
        image = next(source).to(device)
        torch.manual_seed(plan.seed * 1_000_003 + step)  # a resumed run hides the same patches
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = model(image).loss
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        total += float(loss.detach())
        if (step + 1) % every == 0 or step + 1 == plan.steps:
            shown = total / ((step - start) % every + 1)
            total = 0.0
            print(f"step {step + 1}, {(time.monotonic() - began) / 60:.1f} min, loss {shown:.4f}", flush=True)
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1}
            torch.save(state, output / "last.pt")
    file = output / "encoder.safetensors"
    save_file({name: tensor.cpu().contiguous() for name, tensor in encoder.state_dict().items()}, file)
    file.chmod(0o644)
    return file


def make_parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    plain = [name for name, config in VARIANTS.items() if type(config) is ViTConfig]
    parser.add_argument(
        "--images", type=Path, required=True, help="folder of pictures, searched with its subfolders"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for last.pt and the encoder")
    parser.add_argument("--variant", choices=plain, default="vit_tiny_patch16", help="which ViT")
    parser.add_argument("--steps", type=int, default=Pretraining.steps)
    parser.add_argument("--batch-size", type=int, default=Pretraining.batch_size)
    parser.add_argument("--size", type=int, default=Pretraining.size, help="pixels a side of the crops")
    parser.add_argument("--seed", type=int, default=Pretraining.seed)
    parser.add_argument("--every", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--resume", type=Path, help="last.pt of an earlier run, to go on from")
    return parser


def main() -> None:
    arguments = make_parser().parse_args()
    plan = Pretraining(
        steps=arguments.steps,
        batch_size=arguments.batch_size,
        size=arguments.size,
        seed=arguments.seed,
    )
    pictures = find_pictures(arguments.images)
    config = VARIANTS[arguments.variant]
    file = pretrain(pictures, arguments.output, config, plan, arguments.every, arguments.resume)
    print(f"{file}: load_backbone({str(file)!r})")


if __name__ == "__main__":
    main()
