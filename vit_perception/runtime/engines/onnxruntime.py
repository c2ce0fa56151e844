"""ONNX Runtime, on the CPU or through CUDA."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vit_perception.runtime.card import Card
from vit_perception.runtime.engines import EngineUnavailable


class OnnxRuntimeEngine:
    """The card's ONNX model in one session, for input of any shape.

    Raises:
        EngineUnavailable: `device` is `cuda` and this ONNX Runtime cannot use it.
    """

    name = "onnxruntime"
    precision = "fp32"

    def __init__(self, card: Card, device: str) -> None:
        import onnxruntime

        self.device = device
        path = card.file("onnx")
        providers: list = ["CPUExecutionProvider"]
        if device == "cuda":
            if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
                raise EngineUnavailable(
                    "this onnxruntime has no CUDA: pip install onnxruntime-gpu in its place"
                )
            # TF32 would keep ten bits of the mantissa: not what `fp32` promises.
            providers.insert(0, ("CUDAExecutionProvider", {"use_tf32": "0"}))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # Errors only: its warnings about the graph are not for users.
        self._session = onnxruntime.InferenceSession(path, options, providers=providers)
        # Where CUDA's libraries are missing the session falls back to the CPU with no more than a log line.
        if device == "cuda" and self._session.get_providers()[0] != "CUDAExecutionProvider":
            raise EngineUnavailable(
                "onnxruntime-gpu found no usable CUDA: check the driver, CUDA and cuDNN it asks for"
            )
        self._input = self._session.get_inputs()[0].name
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    def __call__(self, batch: np.ndarray, outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        names = self.outputs if outputs is None else tuple(outputs)
        return dict(zip(names, self._session.run(names, {self._input: batch}), strict=True))
