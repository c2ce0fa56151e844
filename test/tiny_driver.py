"""A navigator small enough for tests that does drive at its goal: `python test/tiny_driver.py OUTPUT_FOLDER`.

`test/fixtures/tiny_driver` was made with it. Its path is straight to the goal, it expects a collision where
the image is white, and it sees nothing but free ground.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tiny_model import ACTIONS, tiny_navigator_card
from vit_perception.export.export import export
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.model import PerceptionModel, build_model

STEPS, BATCH = 800, 32
SIZE = (84, 112)
SPACING, FREE = 0.25, 5.0


def make(folder: Path) -> None:
    torch.manual_seed(0)
    card = tiny_navigator_card()
    card = dataclasses.replace(
        card,
        name="tiny_driver",
        description="Drives at its goal, whatever it sees.",
        provenance="test/tiny_driver.py",
    )
    model = build_model(card.architecture)
    config = NavigationConfig.of(card.architecture)
    assert config is not None
    optimiser = torch.optim.AdamW(model.heads["navigation"].parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    rng = np.random.default_rng(0)
    for step in range(STEPS):
        loss = step_loss(model, config, rng)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(step, round(loss.item(), 4), flush=True)
    for name, difference in export(model.eval(), card, folder).items():
        print(f"{name:28} differs by {difference:.1e}")


def step_loss(model: PerceptionModel, config: NavigationConfig, rng: np.random.Generator) -> Tensor:
    """Of frames of a random grey, half of which are white."""
    white = torch.tensor(rng.random(BATCH) < 0.5)
    grey = torch.tensor(rng.uniform(-2.0, 1.0, BATCH), dtype=torch.float32)
    image = torch.where(white, 2.4, grey)[:, None, None, None] + 0.3 * torch.randn(BATCH, 3, *SIZE)
    bearing = torch.tensor(rng.uniform(-np.pi, np.pi, BATCH), dtype=torch.float32)
    distance = torch.tensor(rng.uniform(0.3, 12.0, BATCH), dtype=torch.float32)
    goal = torch.stack([distance, bearing.sin(), bearing.cos(), torch.ones(BATCH)], dim=1)
    depth = torch.tensor(rng.uniform(0.0, 5.0, (BATCH, 1, 1, 1)), dtype=torch.float32).expand(-1, 1, *SIZE)
    history = torch.randn(BATCH, config.history, config.width + 1)
    history[..., -1] = 1.0
    if rng.random() < 0.5:
        history, depth = torch.zeros_like(history), torch.zeros_like(depth)
    with torch.no_grad():
        features = model.backbone(image, layers=model.pyramid.config.layers)
        levels = model.pyramid(features)
    found = model.heads["navigation"](features, depth, goal, history, levels)
    lengths = SPACING * torch.arange(1, config.waypoints + 1)
    path = lengths[None, :, None] * torch.stack([bearing.cos(), bearing.sin()], dim=1)[:, None]
    action = torch.where(bearing > 0.3, ACTIONS.index("turn_left"), ACTIONS.index("forward"))
    action = torch.where(bearing < -0.3, ACTIONS.index("turn_right"), action)
    collision = found["navigation_collision"].squeeze(1)
    places = found["navigation_free_space"]
    return (
        F.smooth_l1_loss(found["navigation_path"], path)
        + F.cross_entropy(found["navigation_action"], action)
        + F.binary_cross_entropy_with_logits(collision, white.float())
        + F.smooth_l1_loss(found["navigation_scan"], torch.full_like(found["navigation_scan"], FREE))
        + F.cross_entropy(places, torch.zeros_like(places[:, 0], dtype=torch.int64))
        + F.smooth_l1_loss(found["navigation_goal_distance"].squeeze(1).log1p(), distance.log1p())
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
