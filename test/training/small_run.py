"""A short run on drawn pictures: `python small_run.py OUTPUT CONFIG [STEP]`. At STEP the process is killed.

Under torchrun, all processes train one model.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from training.small_dataset import SPACE, STRIDES, DenseDataset, small_card
from vit_perception.model import build_model
from vit_perception.training.config import TrainingConfig, read_config
from vit_perception.training.distiller import make_distiller
from vit_perception.training.index import make_index
from vit_perception.training.loop import train
from vit_perception.training.mask_classes import MaskClasses
from vit_perception.training.processes import Processes
from vit_perception.training.run_folder import RunFolder, Standing
from vit_perception.training.stream import Views, batches, keys
from vit_perception.training.targets import Collate
from vit_perception.training.trainer import Trainer


class Killed(Trainer):
    """A trainer whose process is killed at a step."""

    at: int | None = None

    def step(self, step, progress, batches):
        if step == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(step, progress, batches)


def run(output: Path, config: TrainingConfig, kill_at: int | None = None, scores=None) -> Standing:
    """Train the small model; `scores` gives the quality after each validation, else its step does."""
    dataset, card, processes = DenseDataset(), small_card(), Processes.join()
    torch.manual_seed(config.seed + processes.rank)  # the first one's weights are what counts
    index = make_index(dataset)
    views = Views(dataset, range(8), index, card, config)
    collate = Collate(SPACE, card.mean, card.std, card.patch_size / 4, STRIDES)
    model, lessons = build_model(card.architecture), config.distillation
    distiller = lessons and make_distiller(lessons, SPACE, card, model.backbone.embed_dim, processes.device)
    trainer = Killed(model, config, MaskClasses.of(index.shares.sum(0)), processes, distiller)
    trainer.at = kill_at
    folder, given = RunFolder(output), iter(scores or range(1, 1000))
    if processes.first:
        folder.keep_config(config)
    standing = train(
        trainer,
        lambda step: batches(views, collate, keys(config, step, processes.rank, processes.world), 0),
        lambda average: {"miou": float(next(given))},
        folder,
    )
    processes.leave()
    return standing


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(Path(sys.argv[1]), read_config(Path(sys.argv[2])), int(sys.argv[3]) if len(sys.argv) > 3 else None)
