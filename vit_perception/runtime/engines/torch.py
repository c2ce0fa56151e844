"""PyTorch: the model as it was trained, on the CPU or through CUDA. The reference for the other engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vit_perception.runtime import raw_outputs
from vit_perception.runtime.card import Card
from vit_perception.runtime.engines import EngineUnavailable

if TYPE_CHECKING:
    from vit_perception.model import PerceptionModel


def load_model(card: Card) -> PerceptionModel:
    """The card's architecture with its weights, in float32 and in evaluation mode, on the CPU.

    Raises:
        ValueError: the weights do not fit the architecture; the message names the tensors.
    """
    from safetensors.torch import load_file

    from vit_perception.model import build_model

    path = card.file("weights")
    # Stored in half precision to halve the download, computed in single.
    weights = {
        name: value.float() if value.is_floating_point() else value for name, value in load_file(path).items()
    }
    model = build_model(card.architecture)
    try:
        model.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the architecture on its card: {error}") from error
    return model.eval()


class TorchEngine:
    """The card's architecture with its weights, loaded strictly and computed in float32.

    Raises:
        EngineUnavailable: `device` is `cuda` and torch sees none.
        ValueError: the weights do not fit the architecture; the message names the tensors.
    """

    name = "torch"
    precision = "fp32"
    outputs = raw_outputs.ALL

    def __init__(self, card: Card, device: str) -> None:
        import torch

        if device == "cuda" and not torch.cuda.is_available():
            raise EngineUnavailable(
                "torch sees no CUDA device: check the driver, and that torch is a CUDA build"
            )
        self._torch = torch
        self.device = device
        self._model = load_model(card).to(device)

    def __call__(self, batch: np.ndarray, outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        torch = self._torch
        wanted = self.outputs if outputs is None else outputs
        # cuDNN's TF32 would keep ten bits of the mantissa: not what `fp32` promises.
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
            results = self._model(torch.from_numpy(batch).to(self.device), attention="attention" in wanted)
        return {name: value.float().cpu().numpy() for name, value in results.items()}
