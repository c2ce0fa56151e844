"""OpenVINO on the CPU: the quickest engine on a robot without a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vit_perception.runtime.card import Card

# Precisions by the names that OpenVINO has for them.
HINTS = {"fp32": "f32", "bf16": "bf16"}


class OpenVinoEngine:
    """The card's ONNX model, compiled once for each input shape it meets (a card lists few).

    Args:
        precision: `fp32` or `bf16`; None takes bf16 where the processor has it, which is nearly twice
            as quick, and fp32 elsewhere. The model is trained and measured in bf16 too.

    Raises:
        ValueError: the precision is unknown.
    """

    name = "openvino"
    device = "cpu"

    def __init__(self, card: Card, precision: str | None = None) -> None:
        import openvino

        if precision is not None and precision not in HINTS:
            raise ValueError(f"unknown precision {precision!r}: choose from {', '.join(HINTS)}")
        self._core = openvino.Core()
        capabilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.precision = precision or ("bf16" if "BF16" in capabilities else "fp32")
        self._model = self._core.read_model(card.file("onnx"))
        self._requests: dict[tuple[int, ...], openvino.InferRequest] = {}
        self.outputs = tuple(output.get_any_name() for output in self._model.outputs)

    def __call__(self, batch: np.ndarray, outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        if batch.shape not in self._requests:
            self._requests[batch.shape] = self._compile(batch.shape)
        results = self._requests[batch.shape].infer([batch], share_inputs=True)
        return dict(zip(self.outputs, results.values(), strict=True))

    def _compile(self, shape: tuple[int, ...]) -> Any:
        # A static shape lets OpenVINO plan memory and pick kernels once: several times quicker.
        model = self._model.clone()
        model.reshape(list(shape))
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": HINTS[self.precision]}
        return self._core.compile_model(model, "CPU", options).create_infer_request()
