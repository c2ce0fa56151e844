"""Calls of torch that a trace gets wrong, or an engine refuses, replaced while a model is traced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class TraceableCalls(TorchFunctionMode):
    """While active, replaces some of torch's functions.

    Grids come from `arange`, whose length a graph can compute, and lists of sizes from stacking: `linspace`,
    `tensor` and `as_tensor` would keep the sizes of the example. Empty tensors are left out of
    concatenations, as OpenVINO refuses them.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.linspace and len(args) == 3 and isinstance(args[2], Tensor):
            start, end, steps = args
            places = torch.arange(steps, device=kwargs.get("device")).to(kwargs.get("dtype") or torch.float32)
            return start + places * (end - start) / (steps - 1).clamp(min=1)
        if func in (torch.as_tensor, torch.tensor) and _is_traced(args[0]):
            return _stacked(args[0]).to(dtype=kwargs.get("dtype"), device=kwargs.get("device"))
        if func is torch.cat:
            args = ([each for each in args[0] if each.numel()] or args[0], *args[1:])
        return func(*args, **kwargs)


def _is_traced(values: Any) -> bool:
    """Whether there are traced numbers anywhere in a nested list."""
    return isinstance(values, list | tuple) and any(
        isinstance(each, Tensor) or _is_traced(each) for each in values
    )


def _stacked(values: Any) -> Tensor:
    if isinstance(values, list | tuple):
        return torch.stack([_stacked(each) for each in values])
    return values if isinstance(values, Tensor) else torch.tensor(values)
