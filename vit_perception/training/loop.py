"""The training loop: steps, validations of the mean of the weights, saves, and an exact restart."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn
from tqdm import tqdm

from vit_perception.training.config import TrainingConfig
from vit_perception.training.processes import Processes
from vit_perception.training.run_folder import SCORES, RunFolder, Standing

_Batch = TypeVar("_Batch", contravariant=True)
_Model = TypeVar("_Model", bound=nn.Module)

# Steps whose losses wait before they are written: reading them from a GPU makes it wait.
_WRITE_EVERY = 10


def quality(scores: Mapping[str, float]) -> float:
    """What chooses the best model: the sum of AP50 and mIoU, of those that were measured."""
    known = [scores[name] for name in ("ap50", "miou") if name in scores]
    return sum(known) if known else scores.get("classification_map", 0.0)


class Learner(Protocol[_Batch, _Model]):
    """What takes the steps: `Trainer`, or another with its interface.

    Attributes:
        config: how it learns.
        processes: that learn together.
        average: mean of the model that learns, in evaluation mode.
    """

    config: TrainingConfig
    processes: Processes
    average: _Model

    def step(self, step: int, progress: float, batches: Sequence[_Batch]) -> dict[str, Tensor]: ...

    def state(self) -> dict[str, Any]: ...

    def load(self, state: dict[str, Any]) -> None: ...


def train(
    trainer: Learner[_Batch, _Model],
    batches: Callable[[int], Generator[_Batch, None, None]],
    validate: Callable[[_Model], dict[str, float]],
    folder: RunFolder,
    quality: Callable[[Mapping[str, float]], float] = quality,
) -> Standing:
    """Train until the schedule ends or nothing gets better, from where the run in `folder` stands.

    Args:
        trainer: of the model.
        batches: number of a step → the batches of this process from there on, without end.
        validate: metrics of a model in evaluation mode; called in the first process.
        folder: of the run.
        quality: of the metrics, larger than -1: what chooses the best model.

    Returns:
        Where the run ended.

    Raises:
        RuntimeError: the loss is not a finite number any more.
    """
    config, processes = trainer.config, trainer.processes
    standing = Standing()
    if (kept := folder.load(processes.device)) is not None:
        standing, state = kept
        trainer.load(state)
    if processes.first:
        folder.cut_log(standing.step)
    before, began = standing.minutes, time.monotonic()
    written = _Writer(folder, standing.step) if processes.first else None
    with (
        closing(batches(standing.step)) as source,
        written or nullcontext(),
        tqdm(
            total=config.steps, initial=standing.step, desc="steps", disable=None if processes.first else True
        ) as bar,
    ):
        while not _done(standing, config):
            progress = config.progress(standing.step, standing.minutes)
            middle = min(progress + 0.5 / config.steps, 1.0)
            taken = list(itertools.islice(source, config.accumulation))
            losses = trainer.step(standing.step, middle, taken)
            standing.step += 1
            standing.minutes = before + (time.monotonic() - began) / 60
            if config.minutes is not None:  # all processes stop together
                standing.minutes = processes.of_first(standing.minutes)
            if written:
                written.losses(standing.step, losses)
            if standing.step % config.validate_every == 0 or _done(standing, config):
                scores = validate(trainer.average) if processes.first else {}
                _judge(standing, processes.of_first(quality(scores)))
                if written:
                    if not standing.worse:
                        folder.save_best(trainer.average.state_dict(), standing.step, scores)
                    written.scores(standing, scores)
                    folder.save(standing, trainer.state())
                    bar.set_postfix(best=f"{standing.best:.1f}")
            bar.update()
    return standing


def _done(standing: Standing, config: TrainingConfig) -> bool:
    if config.patience and standing.worse >= config.patience:
        return True
    return config.progress(standing.step, standing.minutes) >= 1.0


def _judge(standing: Standing, found: float) -> None:
    """Remember whether a validation is the best yet."""
    if found > standing.best:
        standing.best, standing.best_step, standing.worse = found, standing.step, 0
    else:
        standing.worse += 1


class _Writer(AbstractContextManager["_Writer"]):
    """Losses and metrics to the log, and to TensorBoard where it is installed."""

    def __init__(self, folder: RunFolder, step: int) -> None:
        self.folder, self.board = folder, _board(folder.path / "tensorboard", step)
        self.waiting: list[tuple[int, dict[str, Tensor]]] = []

    def __exit__(self, *_: object) -> None:
        self.flush()
        if self.board:
            self.board.close()

    def losses(self, step: int, losses: dict[str, Tensor]) -> None:
        self.waiting.append((step, losses))
        if len(self.waiting) >= _WRITE_EVERY:
            self.flush()

    def scores(self, standing: Standing, scores: dict[str, float]) -> None:
        self.flush()
        step, minutes = standing.step, round(standing.minutes, 1)
        self.folder.log([{"step": step, "minutes": minutes, SCORES: scores}])
        shown = ", ".join(f"{name} {value:.1f}" for name, value in scores.items() if "/" not in name)
        tqdm.write(f"step {step}, {minutes} min: {shown}")
        if self.board:
            for name, value in scores.items():
                self.board.add_scalar(f"{SCORES}/{name}", value, step)
            self.board.flush()  # what is saved next is not computed again

    def flush(self) -> None:
        waiting, self.waiting = self.waiting, []
        values = [(step, {name: float(value) for name, value in losses.items()}) for step, losses in waiting]
        self.folder.log([{"step": step, **losses} for step, losses in values])
        for step, losses in values:
            if not math.isfinite(losses["loss"]):
                raise RuntimeError(
                    f"the loss is {losses['loss']} at step {step}: lower the rates of learning_rate in the "
                    "config, or set bf16: false"
                )
            for name, value in losses.items() if self.board else ():
                self.board.add_scalar(f"loss/{name}", value, step)


def _board(path: Path, step: int) -> Any:
    """TensorBoard's writer; None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(path), purge_step=step + 1)
