"""A run learns, resumes exactly after a kill, and is the same in one process as in several."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("torchvision", reason="training needs torchvision: make test installs it")

from training.small_dataset import SPACE, STRIDES, DenseDataset, small_card
from training.small_run import run
from vit_perception.model import build_model
from vit_perception.training.config import Augmentation, TrainingConfig, write_config
from vit_perception.training.curves import draw_curves
from vit_perception.training.index import make_index
from vit_perception.training.learning_rate import LearningRate
from vit_perception.training.mask_classes import MaskClasses
from vit_perception.training.processes import Processes
from vit_perception.training.run_folder import SCORES, RunFolder
from vit_perception.training.stream import Views, batches, keys
from vit_perception.training.targets import Collate
from vit_perception.training.trainer import Trainer, update_average

SCRIPT = Path(__file__).with_name("small_run.py")
CONFIG = TrainingConfig(steps=6, batch_size=2, bf16=False, validate_every=2, scales=(0.7, 1.0))
# As the processes that are started here, and quicker for so small a model.
torch.set_num_threads(1)
ALONE = Processes(0, 1, torch.device("cpu"))


def start(output: Path, config: TrainingConfig, *arguments: str, processes: int = 1):
    output.mkdir(exist_ok=True)
    path = output.with_suffix(".yaml")
    write_config(config, path)
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [*command, str(SCRIPT), str(output), str(path), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def losses(folder: Path) -> dict[int, float]:
    return {entry["step"]: entry["loss"] for entry in RunFolder(folder).entries() if "loss" in entry}


def trainer_of(config, seed=0):
    torch.manual_seed(seed)
    dataset, card = DenseDataset(), small_card()
    index = make_index(dataset)
    model = build_model(card.architecture)
    trainer = Trainer(model, config, MaskClasses.of(index.shares.sum(0)), ALONE)
    views = Views(dataset, range(8), index, card, config)
    collate = Collate(SPACE, card.mean, card.std, card.patch_size / 4, STRIDES)
    return trainer, batches(views, collate, keys(config, 0), 0)


def test_a_few_steps_learn():
    calm = Augmentation(mosaic=0, paste=0, colour=0, stretch=0, zoom=(0.9, 1.1))
    rate = LearningRate(heads=3e-3, backbone=1e-3, warmup=0.1)
    config = dataclasses.replace(CONFIG, steps=24, batch_size=4, augmentation=calm, learning_rate=rate)
    trainer, source = trainer_of(config)
    found = [float(trainer.step(i, (i + 0.5) / 24, [next(source)])["loss"]) for i in range(24)]
    assert np.mean(found[-5:]) < 0.8 * np.mean(found[:5])


@pytest.fixture(scope="module", params=["3", "5"])
def killed(tmp_path_factory, request):
    """A run that was killed at this step, and went on."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    died = start(folder, CONFIG, request.param)
    assert died.returncode == -9, died.stderr
    assert (folder / "last.pt").exists()
    went_on = start(folder, CONFIG)
    assert went_on.returncode == 0, went_on.stderr
    return folder


def test_a_killed_run_goes_on_with_the_same_losses(killed, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    whole = tmp_path / "whole"
    run(whole, CONFIG)
    expected, found = losses(whole), losses(killed)
    assert list(found) == list(expected) == [1, 2, 3, 4, 5, 6]
    assert [found[step] for step in found] == pytest.approx([expected[step] for step in expected], abs=1e-6)
    first, second = (torch.load(path / "last.pt", weights_only=True) for path in (whole, killed))
    for name, tensor in first["average"].items():
        torch.testing.assert_close(second["average"][name], tensor, rtol=0, atol=1e-6)


def test_tensorboard_shows_what_the_log_has(killed):
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="make test installs TensorBoard"
    )
    logged: dict[str, list[object]] = {}
    for entry in RunFolder(killed).entries():
        kind, values = (SCORES, entry[SCORES]) if SCORES in entry else ("loss", entry)
        for name, value in values.items():
            if name != "step":
                point = (entry["step"], pytest.approx(value, rel=1e-6))
                logged.setdefault(f"{kind}/{name}", []).append(point)
    board = reader.EventAccumulator(str(killed / "tensorboard")).Reload()
    shown = {tag: [(each.step, each.value) for each in board.Scalars(tag)] for tag in board.Tags()["scalars"]}
    assert shown == logged
    assert [step for step, _ in shown["loss/loss"]] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in shown[f"{SCORES}/miou"]] == [2, 4, 6]


def test_two_processes_are_one_with_twice_the_batch(tmp_path):
    config = dataclasses.replace(CONFIG, dropout=False, steps=4)
    one, two = tmp_path / "one", tmp_path / "two"
    run(one, dataclasses.replace(config, batch_size=4))
    result = start(two, config, processes=2)
    assert result.returncode == 0, result.stderr
    expected, found = losses(one), losses(two)
    assert list(found) == list(expected) == [1, 2, 3, 4]
    assert list(found.values()) == pytest.approx(list(expected.values()), abs=1e-5)


def test_accumulated_gradients_are_those_of_the_whole_batch():
    config = dataclasses.replace(CONFIG, dropout=False)
    whole, source = trainer_of(dataclasses.replace(config, batch_size=4))
    parts, pieces = trainer_of(dataclasses.replace(config, accumulation=2))
    for step in range(3):
        expected = whole.step(step, 0.5, [next(source)])
        found = parts.step(step, 0.5, list(itertools.islice(pieces, 2)))
        for name, value in expected.items():
            assert float(found[name]) == pytest.approx(float(value), abs=1e-5), name


def test_checkpointing_changes_memory_and_nothing_else():
    results = []
    for checkpointing in (False, True):
        trainer, source = trainer_of(dataclasses.replace(CONFIG, checkpointing=checkpointing, dropout=False))
        assert trainer.model.backbone.checkpointing == checkpointing
        for step in range(2):
            losses = trainer.step(step, 0.5, [next(source)])
        results.append(float(losses["loss"]))
    assert results[1] == pytest.approx(results[0], abs=1e-5)


def test_bf16_computes_in_bf16():
    seen = set()
    trainer, source = trainer_of(dataclasses.replace(CONFIG, bf16=True))
    trainer.model.heads["classification"].fc.register_forward_hook(lambda m, i, o: seen.add(o.dtype))
    assert torch.isfinite(trainer.step(0, 0.5, [next(source)])["loss"])
    assert seen == {torch.bfloat16}


def test_the_mean_follows_parameters_and_buffers():
    model = torch.nn.BatchNorm1d(2)
    average = copy.deepcopy(model)
    model.weight.data.fill_(3.0)
    model.running_mean.fill_(2.0)
    model.num_batches_tracked.fill_(7)
    update_average(average, model, step=10_000, decay=0.75)
    assert average.weight.tolist() == [1.5, 1.5]
    assert average.running_mean.tolist() == [0.5, 0.5]
    assert average.num_batches_tracked == 7
    update_average(average, model, step=0, decay=0.75)
    assert average.weight[0] > 2.8, "at first it follows fast"


def test_it_stops_early_and_keeps_the_best(tmp_path):
    config = dataclasses.replace(CONFIG, steps=100, validate_every=1, patience=2)
    standing = run(tmp_path, config, scores=[1, 5, 4, 3, 9])
    assert (standing.step, standing.best, standing.best_step, standing.worse) == (4, 5, 2, 2)
    best = RunFolder(tmp_path).load_best()
    assert (best["step"], best["scores"]) == (2, {"miou": 5})
    again = run(tmp_path, config, scores=[10])
    assert again.step == 4, "a run that ended is not gone on with"


def test_minutes_end_a_run(tmp_path):
    standing = run(tmp_path, dataclasses.replace(CONFIG, steps=10_000, minutes=0.01, validate_every=500))
    assert standing.step < 500
    assert standing.minutes < 0.2
    assert (tmp_path / "best.pt").exists()


def test_another_config_is_refused(tmp_path):
    run(tmp_path, CONFIG)
    with pytest.raises(ValueError, match=r"holds a run with another batch_size, seed: .* another --output"):
        run(tmp_path, dataclasses.replace(CONFIG, seed=1, batch_size=3))


def test_a_damaged_checkpoint_is_one_clear_sentence(tmp_path):
    run(tmp_path, CONFIG)
    (tmp_path / "last.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"last\.pt is damaged .* delete it to start over"):
        run(tmp_path, CONFIG)


def test_a_loss_that_is_not_a_number_ends_the_run(tmp_path):
    rate = LearningRate(heads=1e30, backbone=1e30, warmup=0.01)
    with pytest.raises(RuntimeError, match=r"the loss is .* lower the rates of learning_rate"):
        run(tmp_path, dataclasses.replace(CONFIG, learning_rate=rate))


def test_curves_are_a_picture(tmp_path):
    from vit_perception.viz.pictures import read_picture

    entries = [{"step": step, "loss": 5 / step, "mask": 1 / step} for step in range(1, 500)]
    entries += [
        {"step": step, "minutes": 0.1, SCORES: {"miou": step / 10, "iou/a": 1}} for step in (100, 200)
    ]
    draw_curves(entries, tmp_path / "curves.png")
    picture = read_picture(tmp_path / "curves.png")
    assert picture.shape == (720, 900, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    draw_curves([], tmp_path / "empty.png")
