"""A segmenter small enough for tests whose mask is known: `python test/tiny_painter.py OUTPUT_FOLDER`.

`test/fixtures/tiny_painter` was made with it. What is red is furniture, and all else is ground.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tiny_model import LABELS, tiny_card
from vit_perception.export.export import export
from vit_perception.model import build_model

STEPS, BATCH = 1500, 16
SIZE = (84, 112)
FURNITURE, GROUND = LABELS.index("furniture"), LABELS.index("ground")


def make(folder: Path) -> None:
    torch.manual_seed(0)
    card = dataclasses.replace(
        tiny_card(),
        name="tiny_painter",
        description="Says furniture of what is red, and ground of all else.",
        provenance="test/tiny_painter.py",
        trained=("segmentation",),
        thresholds={},
    )
    model = build_model(card.architecture)
    mean, std = (torch.tensor(each)[:, None, None] for each in (card.mean, card.std))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=STEPS)
    rng = np.random.default_rng(0)
    for step in range(STEPS):
        pictures, classes = examples(rng)
        found = model((pictures - mean) / std)["segmentation"]
        wanted = F.interpolate(classes[:, None].float(), found.shape[-2:], mode="nearest-exact")[:, 0].long()
        loss = F.cross_entropy(found, wanted)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            right = (found.argmax(dim=1) == wanted).float().mean().item()
            print(step, round(loss.item(), 4), round(right, 4), flush=True)
    for name, difference in export(model.eval(), card, folder).items():
        print(f"{name:28} differs by {difference:.1e}")


def examples(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, H, W) in 0..1 of red rectangles on grey, and (B, H, W) class ids."""
    pictures = np.repeat(rng.uniform(0.2, 0.9, (BATCH, 1, 1, 1)), 3, axis=1) * np.ones((1, 1, *SIZE))
    classes = np.full((BATCH, *SIZE), GROUND)
    for picture, truth in zip(pictures, classes, strict=True):
        for _ in range(rng.integers(3)):
            top, left = rng.integers(SIZE[0] - 8), rng.integers(SIZE[1] - 8)
            bottom, right = rng.integers(top + 8, SIZE[0] + 1), rng.integers(left + 8, SIZE[1] + 1)
            picture[:, top:bottom, left:right] = np.array([rng.uniform(0.7, 0.9), 0.1, 0.1])[:, None, None]
            truth[top:bottom, left:right] = FURNITURE
    pictures += 0.02 * rng.standard_normal(pictures.shape)
    return torch.tensor(pictures, dtype=torch.float32), torch.tensor(classes)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
