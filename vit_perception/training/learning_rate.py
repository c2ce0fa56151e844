"""The learning rate: its peak for each parameter, and how it rises and falls over a run."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer

from vit_perception.layers.checks import check_numbers, is_number

# The first numbered module of a name: a block of a plain ViT, a stage of a hierarchical backbone.
_PART = re.compile(r"backbone\.(\w+\.\d+)\.")
# Learned vectors by another name: they have as little reason to shrink as biases.
_NO_DECAY = ("token", "pos_embed", "relative_position", "rel_pos")


@dataclass(frozen=True)
class LearningRate:
    """Peak learning rates of AdamW, reached by a linear warm-up, then half a cosine down to zero.

    Attributes:
        heads: Peak rate of everything outside the backbone.
        backbone: Peak rate of the backbone's last level: its last block, or its last stage.
        layer_decay: Each level of the backbone learns at this fraction of the level above it (Clark et
            al. 2020, as in BEiT), above 0 to 1.
        warmup: Share of the run that the warm-up takes, above 0 to 1.
        weight_decay: Of matrices and kernels. Norms, scales, biases, tokens and positions have none.

    Raises:
        ValueError: A value is out of its range.
    """

    heads: float = 1e-3
    backbone: float = 1e-4
    layer_decay: float = 0.85
    warmup: float = 0.04
    weight_decay: float = 0.05

    def __post_init__(self) -> None:
        check_numbers(self, "heads", "backbone")
        for name in ("layer_decay", "warmup"):
            value = getattr(self, name)
            if not is_number(value) or not 0 < value <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, not {value!r}")
        if not is_number(self.weight_decay) or self.weight_decay < 0:
            raise ValueError(f"weight_decay must be a number that is not negative, not {self.weight_decay!r}")

    def share(self, progress: float) -> float:
        """Share of the peak rates, 0 to 1, when `progress` of the run, 0 to 1, is done."""
        return min(progress / self.warmup, 1.0) * 0.5 * (1 + math.cos(math.pi * progress))

    def set(self, optimiser: Optimizer, progress: float) -> None:
        """Give the groups of `parameter_groups` their rates when `progress` of the run, 0 to 1, is done."""
        share = self.share(progress)
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * share


def layer_levels(names: Iterable[str]) -> dict[str, int]:
    """The level in the backbone of each of its parameters.

    Args:
        names: The backbone's parameters in their order, each beginning with `backbone.`.

    Returns:
        Name → level: 0 before the first block (or stage), then one level for each, and what follows the
        last block is of its level.
    """
    levels: dict[str, int] = {}
    parts: dict[str, int] = {}
    for name in names:
        if part := _PART.match(name):
            levels[name] = parts.setdefault(part[1], len(parts) + 1)
        else:
            levels[name] = len(parts)
    return levels


def parameter_groups(model: nn.Module, rate: LearningRate) -> list[dict[str, Any]]:
    """The parameter groups of AdamW for a model with any backbone.

    Args:
        model: Parameters whose names begin with `backbone.` are the backbone's; frozen ones are left out.
        rate: Peak rates and weight decay.

    Returns:
        Groups of one rate and weight decay each. `peak` keeps the peak rate for `LearningRate.set`.
    """
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    levels = layer_levels(name for name in parameters if name.startswith("backbone."))
    top = max(levels.values(), default=0)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        depth = top - levels.get(name, top)
        peak = rate.backbone * rate.layer_decay**depth if name in levels else rate.heads
        no_decay = parameter.ndim <= 1 or any(word in name for word in _NO_DECAY)
        groups.setdefault((peak, 0.0 if no_decay else rate.weight_decay), []).append(parameter)
    return [
        {"params": members, "lr": peak, "peak": peak, "weight_decay": decay}
        for (peak, decay), members in groups.items()
    ]
