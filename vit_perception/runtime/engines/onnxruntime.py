"""ONNX Runtime, on the CPU or through CUDA and TensorRT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.cards.raw_outputs import IMAGE
from vit_perception.install_hint import pip_install
from vit_perception.runtime.engines import NOTHING, EngineUnavailable
from vit_perception.runtime.preprocess import normalised

_CUDA, _TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"


class OnnxRuntimeEngine:
    """The card's ONNX model in one session, for input of any shape.

    Args:
        precision: `fp32` (`auto`, too); `fp16` on a GPU where this ONNX Runtime has TensorRT, which casts the
            graph itself.

    Raises:
        EngineUnavailable: this ONNX Runtime cannot use `device`, or not in that precision.
    """

    name = "onnxruntime"
    shapes = None

    def __init__(self, card: Card, device: str, precision: str = "auto") -> None:
        import onnxruntime

        self.device = device
        self.precision = "fp32" if precision == "auto" else precision
        self._card = card
        providers = _providers(device, self.precision, onnxruntime.get_available_providers())
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # Errors only: its warnings about the graph are not for users.
        self._session = onnxruntime.InferenceSession(card.file("onnx"), options, providers=providers)
        # Where a library is missing the session falls back to the next provider with no more than a log line.
        if self._session.get_providers()[0] != providers[0][0]:
            raise EngineUnavailable(
                f"onnxruntime found no usable {providers[0][0]}: check the driver and its libraries"
            )
        self.inputs = tuple(i.name for i in self._session.get_inputs() if i.name != IMAGE)
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    def __call__(
        self,
        images: np.ndarray,
        outputs: Sequence[str] | None = None,
        extra: Mapping[str, np.ndarray] = NOTHING,
    ) -> dict[str, np.ndarray]:
        names = self.outputs if outputs is None else tuple(outputs)
        batch = normalised(images, self._card)
        return dict(zip(names, self._session.run(names, {IMAGE: batch, **extra}), strict=True))


def _providers(device: str, precision: str, available: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Execution providers, the wanted one first, or EngineUnavailable."""
    if device == "cpu":
        if precision != "fp32":
            raise EngineUnavailable(f"it has no {precision} on the CPU: use precision fp32 or auto")
        return [("CPUExecutionProvider", {})]
    if _CUDA not in available:
        raise EngineUnavailable(
            f"this onnxruntime has no CUDA: {pip_install('onnxruntime-gpu')} in its place"
        )
    # TF32 would keep ten bits of the mantissa: not what `fp32` promises.
    cuda = [(_CUDA, {"use_tf32": "0"}), ("CPUExecutionProvider", {})]
    if precision == "fp32":
        return cuda
    if precision != "fp16" or _TENSORRT not in available:
        raise EngineUnavailable(f"it has no {precision} here: use precision fp32, or fp16 with TensorRT")
    return [(_TENSORRT, {"trt_fp16_enable": "1", "trt_engine_cache_enable": "1"}), *cuda]
