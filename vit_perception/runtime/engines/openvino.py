"""OpenVINO on the CPU: the quickest engine on a robot without a GPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vit_perception.runtime.card import Card

# Said outright: on processors with bf16 OpenVINO would otherwise compute in bf16 unasked.
COMPILE_OPTIONS = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}


class OpenVinoEngine:
    """The card's ONNX model, compiled once for each input shape it meets (a card lists few)."""

    name = "openvino"
    device = "cpu"
    precision = "fp32"

    def __init__(self, card: Card) -> None:
        import openvino

        self._core = openvino.Core()
        self._model = self._core.read_model(card.file("onnx"))
        self._requests: dict[tuple[int, ...], openvino.InferRequest] = {}
        self.outputs = tuple(output.get_any_name() for output in self._model.outputs)

    def __call__(self, batch: np.ndarray, outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        if batch.shape not in self._requests:
            # A static shape lets OpenVINO plan memory and pick kernels once: several times quicker.
            model = self._model.clone()
            model.reshape(list(batch.shape))
            self._requests[batch.shape] = self._core.compile_model(model, "CPU", COMPILE_OPTIONS).create_infer_request()
        results = self._requests[batch.shape].infer([batch], share_inputs=True)
        return dict(zip(self.outputs, results.values(), strict=True))
