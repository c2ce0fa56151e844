"""One recipe for either network: pre-training on distances, and training on the way ahead."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_and_cnn.harm import HARMS, STRENGTHS
from vit_and_cnn.networks import Network
from vit_and_cnn.plan import GRID, SIZE, SIZES, Plan
from vit_and_cnn.sets import Pictures
from vit_perception.training.colour import jitter_colour
from vit_perception.training.learning_rate import parameter_groups
from vit_perception.training.pretrain import MEAN, STD
from vit_perception.training.targets import ACTIONS
from vit_perception.training.trainer import update_average

_CLIP = 1.0
_JITTER = 0.5
_AVERAGE = 0.98
# Of the batches, for each of SIZES.
_SHARES = (0.25, 0.5, 0.25)
_EVALUATED = 100  # pictures at once
# Mirrored, left is right.
_MIRRORED = np.array([ACTIONS.index(name) for name in ("turn_right", "forward", "turn_left", "stop")])

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


def resized(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pictures (N, H, W, 3) uint8 at (height, width) `size`."""
    height, width = size
    if rgb.shape[1:3] == size:
        return rgb
    return np.stack([cv2.resize(each, (width, height), interpolation=cv2.INTER_AREA) for each in rgb])


def network_input(rgb: np.ndarray) -> Tensor:
    """Pictures (N, H, W, 3) uint8 → (N, 3, H, W), normalised."""
    scaled = (rgb.astype(np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return torch.from_numpy(scaled).permute(0, 3, 1, 2)


def draw(pictures: Pictures, plan: Plan, seed: int, step: int) -> Batch:
    """A batch, mirrored and recoloured at random; step by step it goes through all pictures.

    Returns:
        rgb: (B, H, W, 3) uint8 of one of `SIZES`, so that the network serves each of them.
        actions: (B,) int64.
        log_distances: (B, 6, 8) float32.
    """
    rng = np.random.default_rng((seed, step))
    places = np.arange(step * plan.batch, (step + 1) * plan.batch)
    rounds, within = np.divmod(places, len(pictures))
    orders = {
        int(each): np.random.default_rng((seed, each, 1)).permutation(len(pictures)) for each in set(rounds)
    }
    chosen = np.array([orders[int(each)][place] for each, place in zip(rounds, within, strict=True)])
    mirror = rng.random(plan.batch) < 0.5
    rgb = resized(pictures.rgb[chosen], SIZES[rng.choice(len(SIZES), p=_SHARES)])
    rgb = np.where(mirror[:, None, None, None], rgb[:, :, ::-1], rgb)
    actions, distances = pictures.actions[chosen], pictures.log_distances[chosen]
    return (
        np.stack([jitter_colour(each, rng, _JITTER) for each in rgb]),
        np.where(mirror, _MIRRORED[actions], actions),
        np.where(mirror[:, None, None], distances[:, :, ::-1], distances),
    )


def train(
    network: Network, pictures: Pictures, plan: Plan, seed: int, loss_of: Callable[[Tensor, Batch], Tensor]
) -> Iterator[tuple[int, float, Network]]:
    """Train a network in place.

    Args:
        network: to train.
        pictures: to draw batches from.
        plan: the recipe.
        seed: of the batches and their augmentation.
        loss_of: outputs and their batch → the loss.

    Yields:
        At each validation: steps done, mean loss since the last one, the mean of the latest weights.
    """
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).eval().requires_grad_(False)
    optimiser = torch.optim.AdamW(parameter_groups(network, plan.learning_rate), betas=(0.9, 0.99))
    stops = np.linspace(0, plan.steps, plan.validations + 1).round().astype(int)[1:].tolist()
    losses: list[float] = []
    for step in range(plan.steps):
        plan.learning_rate.set(optimiser, (step + 0.5) / plan.steps)
        batch = draw(pictures, plan, seed, step)
        network.train()
        loss = loss_of(network(network_input(batch[0])), batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimiser.step()
        update_average(average, network, step, _AVERAGE)
        losses.append(float(loss.detach()))
        if step + 1 in stops:
            yield step + 1, float(np.mean(losses)), average
            losses.clear()


def pretrain(name: str, pictures: Pictures, plan: Plan, seed: int) -> tuple[dict[str, Tensor], list[float]]:
    """Learn how far everything is, cell by cell, as a depth camera would tell without labels.

    Args:
        name: of the network.
        pictures: with their distances.
        plan: the recipe.
        seed: of everything random.

    Returns:
        The backbone's weights, and the course of the loss.
    """
    torch.manual_seed(seed)
    network = Network(name, GRID[0] * GRID[1])
    course = list(train(network, pictures, plan, seed, _distance_loss))
    _, _, average = course[-1]
    return average.backbone.state_dict(), [loss for _, loss, _ in course]


def _distance_loss(outputs: Tensor, batch: Batch) -> Tensor:
    return F.smooth_l1_loss(outputs, torch.from_numpy(batch[2]).flatten(1))


def learn(
    name: str, weights: dict[str, Tensor] | None, train_on: Pictures, choose: Pictures, plan: Plan, seed: int
) -> tuple[Network, list[tuple[int, float, float]]]:
    """Learn which way is free.

    Args:
        name: of the network.
        weights: of its backbone to start from; None to start from scratch.
        train_on: to learn from.
        choose: on which the best weights are chosen.
        plan: the recipe.
        seed: of everything random.

    Returns:
        The network with the best weights, and the learning curve: step, loss, percent right of `choose`.
    """
    torch.manual_seed(seed)
    network = Network(name, len(ACTIONS))
    if weights is not None:
        network.backbone.load_state_dict(weights)
    best = copy.deepcopy(network)
    curve: list[tuple[int, float, float]] = []
    for step, loss, average in train(network, train_on, plan, seed, _action_loss):
        right = accuracy(average, resized(choose.rgb, SIZE), choose.actions)
        if all(right > earlier for *_, earlier in curve):
            best.load_state_dict(average.state_dict())
        curve.append((step, loss, right))
    return best, curve


def _action_loss(outputs: Tensor, batch: Batch) -> Tensor:
    return F.cross_entropy(outputs, torch.from_numpy(batch[1]))


@torch.inference_mode()
def accuracy(network: nn.Module, rgb: np.ndarray, actions: np.ndarray) -> float:
    """Percent of pictures (N, H, W, 3) whose action (N,) a network gets right."""
    network.eval()
    right = 0
    for first in range(0, len(rgb), _EVALUATED):
        window = slice(first, first + _EVALUATED)
        answers = network(network_input(rgb[window])).argmax(dim=1).numpy()
        right += int((answers == actions[window]).sum())
    return 100 * right / len(rgb)


def examine(network: nn.Module, report: Pictures) -> dict[str, Any]:
    """Percent right of the pictures that report: at each of `SIZES`, and harmed, at `SIZE`.

    Returns:
        `sizes`: a value for each of `SIZES`. `harmed`: by kind, a value for each of its `STRENGTHS`.
    """
    rgb, rng = resized(report.rgb, SIZE), np.random.default_rng(0)
    return {
        "sizes": [accuracy(network, resized(report.rgb, size), report.actions) for size in SIZES],
        "harmed": {
            kind: [
                accuracy(network, harm(rgb, strength, rng), report.actions) for strength in STRENGTHS[kind]
            ]
            for kind, harm in HARMS.items()
        },
    }
