"""How one source names the tensors of one family, and the strict way from those names to ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.registry import make_backbone
from vit_perception.checkpoints.files import State
from vit_perception.layers.patch_embed import adapt_in_chans

# A rule may name a part of a tensor, as in `qkv.weight[1]`: parts are joined along their first axis.
_PART = re.compile(r"(.+)\[(\d+)\]")


def _as_it_is(state: State, _: Any) -> State:
    return state


@dataclass(frozen=True)
class Format:
    """One source's names for one family.

    source, family: as in "timm", "swin". signature: patterns that a file of this format always matches,
    and others do not. rules: (pattern, replacement) in order; the first pattern that matches a whole name
    gives ours. dropped: patterns of the tensors that are no part of a backbone. config: (renamed tensors,
    what config.json beside the file says, or {}) → the backbone's config. finish: (renamed tensors,
    config) → the state, for what renaming alone cannot do.
    """

    source: str
    family: str
    signature: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]
    config: Callable[[State, Mapping[str, Any]], Any]
    dropped: tuple[str, ...] = ()
    prepare: Callable[[State, Mapping[str, Any]], State] = _as_it_is
    finish: Callable[[State, Any], State] = _as_it_is

    def __str__(self) -> str:
        return f"{self.source} {self.family}"

    def recognises(self, names: Mapping[str, Tensor]) -> bool:
        """Whether tensors of these names are of this format."""
        return all(any(re.fullmatch(pattern, name) for name in names) for pattern in self.signature)


def rename(state: Mapping[str, Tensor], format: Format) -> tuple[State, tuple[str, ...]]:
    """(tensors under our names, names that were dropped).

    Raises:
        ValueError: a tensor is neither renamed nor dropped, or two take the same name, or a part is missing.
    """
    renamed: State = {}
    parts: dict[str, dict[int, Tensor]] = {}
    dropped: list[str] = []
    for name, tensor in state.items():
        if any(re.fullmatch(pattern, name) for pattern in format.dropped):
            dropped.append(name)
            continue
        target = _target(name, format)
        if part := _PART.fullmatch(target):
            parts.setdefault(part[1], {})[int(part[2])] = tensor
        elif target in renamed:
            raise ValueError(f"two tensors are named {target!r}, one of them {name!r} in the file")
        else:
            renamed[target] = tensor
    for target, pieces in parts.items():
        if missing := set(range(max(pieces) + 1)) - set(pieces):
            raise ValueError(f"{format} checkpoint lacks part {min(missing)} of {target!r}")
        renamed[target] = torch.cat([pieces[index] for index in sorted(pieces)])
    return renamed, tuple(dropped)


def _target(name: str, format: Format) -> str:
    for pattern, replacement in format.rules:
        if match := re.fullmatch(pattern, name):
            return match.expand(replacement)
    raise ValueError(f"{format} checkpoint has a tensor that no {format.family} has: {name!r}")


def convert(
    state: Mapping[str, Tensor],
    format: Format,
    settings: Mapping[str, Any],
    override: Callable[[Any], Any] = lambda config: config,
) -> tuple[Backbone, tuple[str, ...]]:
    """(backbone with these weights, in evaluation mode; names that were dropped).

    `settings` is the config.json beside the file, or empty; `override` changes the config it gives. Where
    that asks for another number of input channels, the weights that read the image are adapted to it.

    Raises:
        ValueError: a tensor is missing, left over, or of the wrong shape; the message names it.
    """
    renamed, dropped = rename(state, format)
    renamed = format.prepare(renamed, settings)
    try:
        config = override(format.config(renamed, settings))
    except KeyError as error:
        raise ValueError(f"{format} checkpoint lacks {error.args[0]!r}") from error
    renamed = format.finish(renamed, config)
    backbone = make_backbone(config)
    if (first := renamed.get(backbone.first_conv)) is not None and first.shape[1] != backbone.in_chans:
        renamed[backbone.first_conv] = adapt_in_chans(first, backbone.in_chans)
    fill(backbone, renamed, format)
    return backbone.eval(), dropped


def fill(module: nn.Module, renamed: State, format: Format) -> None:
    """Give a module these weights, all of them.

    Raises:
        ValueError: a tensor is missing, left over, or of the wrong shape; the message names it.
    """
    expected = module.state_dict()
    for name, tensor in expected.items():
        if name not in renamed:
            raise ValueError(f"{format} checkpoint lacks {name!r} {tuple(tensor.shape)}")
        if (found := renamed[name].shape) != tensor.shape:
            raise ValueError(
                f"{format} checkpoint has {name!r} of shape {tuple(found)}, not {tuple(tensor.shape)}"
            )
    if left := sorted(set(renamed) - set(expected)):
        raise ValueError(f"{format} checkpoint has {len(left)} tensors too many, first {left[0]!r}")
    module.load_state_dict(renamed, strict=True)
