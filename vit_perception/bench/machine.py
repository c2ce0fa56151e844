"""The machine that the benchmark runs on, and its peak rates, which bound what is possible."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.runtime.engines.openvino_compiler import shared_core

_LIBRARIES = ("openvino", "onnxruntime", "torch", "numpy", "opencv-python-headless")
_INSTRUCTIONS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_int8",
    "amx_bf16",
    "asimddp",
)


def describe() -> dict[str, Any]:
    """Processor, cores, instructions, memory and versions, without which a figure means nothing."""
    text = _read("/proc/cpuinfo")
    model = next((line.split(":")[1].strip() for line in text.splitlines() if "model name" in line), "")
    words = set(text.split())
    memory = next(
        (line.split()[1] for line in _read("/proc/meminfo").splitlines() if "MemTotal" in line), "0"
    )
    return {
        "processor": model or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "instructions": [word for word in _INSTRUCTIONS if word in words],
        "memory_gb": round(int(memory) * 1024 / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
    }


def rates() -> dict[str, float]:
    """Peak rates, each the best of several runs.

    Returns:
        `int8_gops`, `bf16_gops`, `fp32_gops`: large matrix products in 10^9 operations a second, two for a
        multiply-add. `read_gb_s`: reading memory in 10^9 bytes a second.
    """
    measured = {name: _products(name) for name in ("int8", "bf16", "fp32")}
    block = np.ones(200_000_000 // 8)
    seconds = _best(lambda: block.sum())
    found = {
        **{f"{name}_gops": rate for name, rate in measured.items()},
        "read_gb_s": block.nbytes / seconds / 1e9,
    }
    return {name: round(rate, 1) for name, rate in found.items()}


def _products(precision: str, size: int = 1024, rounds: int = 8) -> float:
    """GOP/s of `rounds` chained products of square matrices in OpenVINO, like the network's layers."""
    import openvino
    from openvino import opset13 as ops

    rng = np.random.default_rng(0)
    value = start = ops.parameter([size, size], np.float32)
    for _ in range(rounds):
        weights = ops.constant(rng.normal(size=(size, size)).astype(np.float32) / size**0.5)
        if precision == "int8":
            value, quantised = (
                _quantised(ops, each, limit) for each, limit in ((value, 4.0), (weights, 0.1))
            )
        else:
            quantised = weights
        value = ops.matmul(value, quantised, False, True)
    model = openvino.Model([ops.reduce_max(value, np.array([0, 1]))], [start], "products")
    hint = "bf16" if precision == "bf16" else "f32"
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint}
    request = shared_core().compile_model(model, "CPU", options).create_infer_request()
    image = rng.normal(size=(size, size)).astype(np.float32)
    seconds = _best(lambda: request.infer([image]))
    return 2 * rounds * size**3 / seconds / 1e9


def _quantised(ops: Any, value: Any, limit: float) -> Any:
    low, high = (np.array([[sign * limit]], np.float32) for sign in (-1, 1))
    return ops.fake_quantize(value, low, high, low, high, 255)


def _best(work: Callable[[], Any], runs: int = 12) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
