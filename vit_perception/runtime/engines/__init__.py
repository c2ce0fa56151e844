"""Inference engines behind one protocol; each imports its library only when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class EngineUnavailable(RuntimeError):
    """This engine cannot run here (library absent, no such device); the message says what to install."""


class Engine(Protocol):
    """A loaded model, for one thread at a time. `outputs` are the names it gives, see `raw_outputs.py`."""

    name: str  # "openvino", "onnxruntime" or "torch"
    device: str  # "cpu" or "cuda"
    precision: str  # one of PRECISIONS in select.py
    outputs: tuple[str, ...]

    def __call__(self, images: np.ndarray, outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Run RGB images (B, H, W, 3) uint8, H and W multiples of the patch; the engine normalises them.

        `outputs` are those that are needed: an engine that can skips the work for the others, and
        may give more than was asked for. None is all.
        """
        ...
