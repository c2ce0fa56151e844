"""A navigator learns what the drives show, and its losses and metrics say so."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("sklearn", reason="average precision needs scikit-learn: make test installs it")

from vit_perception.data.navigation import ACTIONS
from vit_perception.heads.free_space import FreeSpaceHead
from vit_perception.heads.navigation import NavigationHead
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.heads.pyramid import PyramidConfig
from vit_perception.runtime.results import Navigation
from vit_perception.training.config import TrainingConfig
from vit_perception.training.learning_rate import LearningRate
from vit_perception.training.navigation.config import NavigationTraining, NavigationWeights
from vit_perception.training.navigation.drives import DriveBatch
from vit_perception.training.navigation.frames import ROW
from vit_perception.training.navigation.losses import navigation_loss
from vit_perception.training.navigation.metrics import NavigationMetrics
from vit_perception.training.navigation.trainer import NavigationTrainer, navigate, navigation_quality
from vit_perception.training.processes import Processes

CONFIG = NavigationConfig(history=2, width=16, beams=4, waypoints=2, free_space=True)
PYRAMID = PyramidConfig((0,), width=16, fine_width=16)
GRID = (2, 3)


def batch_of(count: int = 6) -> DriveBatch:
    """What is near is in the depth and in the level, and the goal says the way; the tokens say nothing."""
    generator = torch.Generator().manual_seed(0)
    near = torch.rand(count, generator=generator) < 0.5
    metres = torch.where(near, 0.5, 4.0)
    left = torch.arange(count) % 2 == 0
    bearing = torch.where(left, 0.7, -0.7)
    goal = torch.stack([torch.full((count,), 3.0), bearing.sin(), bearing.cos(), torch.ones(count)], dim=1)
    path = torch.stack([torch.ones(count, 2), bearing[:, None].expand(-1, 2)], dim=-1)
    history = torch.tensor([[max(place - 2, -1), place - 1] for place in range(count)])
    return DriveBatch(
        tokens=torch.ones(count, 7, 8, dtype=torch.float16),
        level=near.half()[:, None, None, None].expand(-1, 16, 2, 3).contiguous(),
        depth=metres[:, None, None, None].expand(-1, 1, 16, 24).contiguous(),
        goal=goal,
        history=history,
        action=torch.where(left, 0, 2),
        collision=near.float(),
        goal_distance=torch.full((count,), 5.0),
        path=path,
        scan=metres[:, None].expand(-1, 4).contiguous(),
        free_space=torch.where(near, 0.875, 0.125)[:, None].expand(-1, 3).contiguous(),
    )


def make_trainer(**changes):
    torch.manual_seed(0)
    rate = LearningRate(heads=3e-3, warmup=0.05)
    navigation = NavigationTraining(CONFIG)
    config = TrainingConfig(steps=100, bf16=False, learning_rate=rate, navigation=navigation, **changes)
    head = NavigationHead(8, 8, len(ACTIONS), CONFIG, FreeSpaceHead(PYRAMID, {"p3": 16.0}))
    return NavigationTrainer(head, config, Processes(0, 1, torch.device("cpu")), GRID)


def test_it_learns_all_of_it():
    trainer, batch = make_trainer(ema_decay=0.8), batch_of(12)
    losses = [float(trainer.step(step, step / 200, [batch])["loss"]) for step in range(200)]
    assert losses[-1] < 0.25 * losses[0]
    with torch.no_grad():
        found = navigate(trainer.average, batch, GRID)
    assert (found["navigation_action"].argmax(dim=1) == batch.action).all()
    assert ((found["navigation_collision"].squeeze(1) > 0) == (batch.collision > 0)).all()
    assert (found["navigation_path"] - batch.path).abs().mean() < 0.2
    assert (found["navigation_scan"] - batch.scan).abs().mean() < 0.5


def test_a_frame_reads_the_tokens_of_those_before_it_and_no_other():
    head = make_trainer().average
    batch = batch_of(4)
    with torch.no_grad():
        found = navigate(head, batch, GRID)
        batch.depth[0] = 2.0
        changed = navigate(head, batch, GRID)
    apart = (found["navigation_path"] - changed["navigation_path"]).abs().amax(dim=(1, 2))
    assert (apart > 0).tolist() == [True, True, True, False]


def test_several_batches_are_one_step():
    whole, parts = make_trainer(), make_trainer(accumulation=2)
    one = whole.step(0, 0.5, [batch_of()])
    two = parts.step(0, 0.5, [batch_of(), batch_of()])
    assert float(one["loss"]) == pytest.approx(float(two["loss"]))
    for name, value in whole.head.state_dict().items():
        assert torch.allclose(value, parts.head.state_dict()[name], atol=1e-6), name


def test_it_goes_on_from_its_state():
    first, second = make_trainer(), make_trainer()
    first.step(0, 0.5, [batch_of()])
    second.load(first.state())
    assert float(first.step(1, 0.5, [batch_of()])["loss"]) == float(second.step(1, 0.5, [batch_of()])["loss"])
    with pytest.raises(ValueError, match="trains another model"):
        second.load({**first.state(), "model": {}})


def test_the_losses_by_hand():
    outputs = {
        "navigation_action": torch.zeros(2, 4),
        "navigation_collision": torch.zeros(2, 1),
        "navigation_goal_distance": torch.tensor([[math.e - 1], [9.0]]),
        "navigation_path": torch.zeros(2, 2, 2),
        "navigation_scan": torch.zeros(2, 4),
        "navigation_free_space": torch.zeros(2, 4, 3),
    }
    batch = batch_of(2)
    batch.goal_distance[:] = torch.tensor([math.e**3 - 1, math.nan])
    batch.path[:] = 0.5
    batch.scan[:] = 1000.0
    weights = NavigationWeights(
        action=1.0, collision=0.0, goal_distance=0.0, path=0.0, scan=0.0, free_space=0.0
    )
    loss, parts = navigation_loss(outputs, batch, weights, 6.0)
    assert {name: pytest.approx(float(value), abs=1e-5) for name, value in parts.items()} == {
        "action": math.log(4),
        "collision": math.log(2),
        "goal_distance": 1.5,  # two apart in logarithms, of one frame: the other has no goal
        "path": 0.5,
        "scan": math.log(7),  # what is beyond the range counts as the range
        "free_space": math.log(4),
    }
    assert float(loss) == pytest.approx(math.log(4))
    batch.goal_distance[:] = math.nan
    assert float(navigation_loss(outputs, batch, weights, 6.0)[1]["goal_distance"]) == 0.0


def row(**fields):
    made = np.zeros((), ROW)
    for name, value in fields.items():
        made[name] = value
    return made


def test_the_metrics_by_hand():
    metrics = NavigationMetrics(max_range=6.0)
    scores = np.array([0.1, 0.7, 0.1, 0.1], np.float32)
    path = np.zeros((8, 2), np.float32)
    path[:, 0] = 0.3
    found = Navigation(ACTIONS, scores, 0.8, 4.0, path, np.full(32, 6.0, np.float32))
    metrics.add(row(action=1, collision=True, goal_distance=5.0, scan=10.0, path=0.0), found)
    metrics.add(row(action=2, collision=False, goal_distance=4.0, scan=5.0, path=path), found)
    assert metrics.result() == {
        "action_accuracy": 50.0,
        "path_error": pytest.approx(0.15),
        "scan_error": pytest.approx(0.5),
        "goal_distance_error": pytest.approx(0.5),
        "collision_accuracy": 50.0,
        "collision_ap": 50.0,
    }
    assert NavigationMetrics(6.0).result() == {}
    good = {"action_accuracy": 90.0, "path_error": 0.1, "scan_error": 0.2}
    assert navigation_quality(good) > navigation_quality(good | {"path_error": 0.2}) > 0
