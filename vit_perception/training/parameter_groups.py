"""Which parameter learns how fast."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from torch import nn

# The first numbered module of a name: a block of a plain ViT, a stage of a hierarchical backbone.
_PART = re.compile(r"backbone\.(\w+\.\d+)\.")
# Learned vectors by another name: they have as little reason to shrink as biases.
_FREE = ("token", "pos_embed", "relative_position", "rel_pos")


def layer_levels(names: Iterable[str]) -> dict[str, int]:
    """Level of each of a backbone's parameters, in their order: 0 what comes before the first block (or
    stage), then one a block, and what follows the last is of its level."""
    levels: dict[str, int] = {}
    parts: dict[str, int] = {}
    for name in names:
        if part := _PART.match(name):
            levels[name] = parts.setdefault(part[1], len(parts) + 1)
        else:
            levels[name] = len(parts)
    return levels


def parameter_groups(
    model: nn.Module, head_rate: float, backbone_rate: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """AdamW groups for any backbone: the last level learns at `backbone_rate`, each one below at
    `layer_decay` of the level above (Clark et al. 2020, as BEiT uses it); no weight decay on vectors
    (norms, scales, biases, tokens, positions). `peak` keeps each group's rate for a schedule.
    """
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    levels = layer_levels(name for name in parameters if name.startswith("backbone."))
    top = max(levels.values(), default=0)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        rate = head_rate if name not in levels else backbone_rate * layer_decay ** (top - levels[name])
        decay = 0.0 if parameter.ndim <= 1 or any(word in name for word in _FREE) else weight_decay
        groups.setdefault((rate, decay), []).append(parameter)
    return [
        {"params": members, "lr": rate, "peak": rate, "weight_decay": decay}
        for (rate, decay), members in groups.items()
    ]
