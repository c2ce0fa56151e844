"""The names that a source gives to the tensors of a family, and their strict conversion to ours."""

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

# A rule may give a part of a tensor, as in `qkv.weight[1]`; parts are concatenated along their first axis.
_PART = re.compile(r"(.+)\[(\d+)\]")


def _unchanged(state: State, settings: Mapping[str, Any]) -> State:
    return state


@dataclass(frozen=True)
class Format:
    """How one source stores the models of one family. All patterns are regular expressions for whole names.

    A file is converted in this order: `signature` recognises it, `dropped` and `rules` give every tensor our
    name or drop it, `prepare` changes what renaming cannot, and `config` reads the architecture.

    Attributes:
        source: who publishes in this format: `timm`, `torchvision`, `hugging_face` or `fair`.
        family: the family of the models, as in `registry.FAMILIES`, or `bert`.
        signature: patterns of which each matches a tensor in every file of this format; no other format's
            files match all of them.
        rules: (pattern of the source's name, replacement with our name), as for `re.sub`. The first pattern
            that matches counts. A replacement that ends in `[i]` is part i of a tensor, such as the query,
            key or value of `qkv`.
        config: maps the renamed tensors and the settings from config.json ({} without one) to the config of
            the backbone.
        dropped: patterns of tensors that are not part of a backbone, such as classifiers.
        prepare: maps the renamed tensors and the settings to the tensors as our layers expect them.
    """

    source: str
    family: str
    signature: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]
    config: Callable[[State, Mapping[str, Any]], Any]
    dropped: tuple[str, ...] = ()
    prepare: Callable[[State, Mapping[str, Any]], State] = _unchanged

    def __str__(self) -> str:
        return f"{self.source} {self.family}"

    def recognises(self, names: Mapping[str, Tensor]) -> bool:
        """Whether the tensors of a file, by their names there, are in this format."""
        return all(any(re.fullmatch(pattern, name) for name in names) for pattern in self.signature)


def rename(state: Mapping[str, Tensor], format: Format) -> tuple[State, tuple[str, ...]]:
    """Rename the tensors of a file.

    Args:
        state: name in the file → tensor.
        format: of the file.

    Returns:
        Our name → tensor, and the names in the file of those that were dropped.

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
    """Build a backbone with the weights of a file.

    Args:
        state: name in the file → tensor.
        format: of the file.
        settings: content of the config.json beside the file, {} without one.
        override: maps the config that the file gives to the one to build. If it has another number of input
            channels, the weights of the first layer are adapted.

    Returns:
        The backbone in evaluation mode, and the names of the tensors that were dropped.

    Raises:
        ValueError: a tensor is missing, left over, or of the wrong shape; the message names it.
    """
    renamed, dropped = rename(state, format)
    renamed = format.prepare(renamed, settings)
    try:
        config = override(format.config(renamed, settings))
    except KeyError as error:
        raise ValueError(f"{format} checkpoint lacks {error.args[0]!r}") from error
    backbone = make_backbone(config)
    if (first := renamed.get(backbone.first_conv)) is not None and first.shape[1] != backbone.in_chans:
        renamed[backbone.first_conv] = adapt_in_chans(first, backbone.in_chans)
    fill(backbone, renamed, format)
    return backbone.eval(), dropped


def fill(module: nn.Module, renamed: State, format: Format) -> None:
    """Load weights into a module, strictly.

    Args:
        module: to be filled.
        renamed: our name → tensor, one for each of the module's.
        format: of the file, for error messages.

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
