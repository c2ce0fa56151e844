"""Inference engines behind one protocol; each imports its library only when it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from vit_perception.runtime.engines.compiled_shapes import CompiledShapes

# Makes a public model, a torch module whose weights are not set, from the `architecture` of its card and its
# folder. `vit_perception.hub.build.build_public` is one; without it, PyTorch runs only models of our own.
Builder = Callable[[Mapping[str, Any], Path], Any]


class EngineUnavailable(RuntimeError):
    """This engine cannot run here (library absent, no such device); the message says what to install."""


NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})


class Engine(Protocol):
    """A loaded model, for one thread at a time. `outputs` are the names it gives, see `raw_outputs.py`."""

    name: str  # "openvino", "onnxruntime" or "torch"
    device: str  # "cpu" or "cuda"
    precision: str  # one of PRECISIONS in select.py
    inputs: tuple[str, ...]  # beside `image`: `content`, and what a text encoder gives
    outputs: tuple[str, ...]

    @property
    def shapes(self) -> CompiledShapes[Any] | None:
        """What it compiled, by the shapes of its inputs; None: it takes inputs of any shape at once."""
        ...

    def __call__(
        self,
        images: np.ndarray,
        outputs: Sequence[str] | None = None,
        extra: Mapping[str, np.ndarray] = NOTHING,
    ) -> dict[str, np.ndarray]:
        """Run RGB images (B, H, W, 3) uint8, H and W multiples of the patch; the engine normalises them.

        `extra` are the values of `inputs`. `outputs` are those that are needed: an engine that can skips
        the work for the others, and may give more than was asked for. None is all.
        """
        ...
