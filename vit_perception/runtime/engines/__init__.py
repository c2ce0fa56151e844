"""Inference engines behind one protocol; each imports its library only when it is made."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Engine(Protocol):
    """A loaded model. `outputs` are the names it can give, see `runtime/decode.py` for their shapes."""

    name: str  # "openvino", "onnxruntime" or "torch"
    device: str  # "cpu" or "cuda"
    precision: str  # "fp32", "bf16", ...
    outputs: tuple[str, ...]

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Run normalised RGB images (B, 3, H, W) float32, H and W multiples of the patch."""
        ...
