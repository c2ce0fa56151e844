#!/usr/bin/env python3
"""Writes docs/models.md: every backbone's parameters, operations, latency in each engine, and checkpoints.

Weights do not change speed, so random ones are measured. The figures are kept in a JSON file, so that an
interrupted run continues where it stopped.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import openvino
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.registry import VARIANTS, make_backbone
from vit_perception.checkpoints.catalog import read_catalog
from vit_perception.runtime.engines.openvino_compiler import shared_core

ROOT = Path(__file__).resolve().parents[1]
HEAD = """# Backbones

All backbones, by the name that a model card gives as `variant`. Written by `python tools/measure_models.py`
on {machine}, {threads} threads, PyTorch {torch}, ONNX Runtime {onnxruntime}, OpenVINO {openvino}. Each figure
is a median over about {seconds:.0f} seconds, with one image, random weights (weights do not change speed),
and the class token and patch tokens as outputs. These machines are shared: use the figures to compare rows
and columns, not to predict your robot.

GMACs are 10⁹ multiply-accumulate operations, including the matrix products of attention. The last column
says whose checkpoints `load_backbone` knows by name ([checkpoints.md](checkpoints.md)); more checkpoints of
the same families load from a file.

"""
SECONDS_EACH = 3.0  # of measuring in each engine, after the first three runs
THREADS = 2


class Tokens(nn.Module):
    """A backbone with outputs that can be exported: image (B, 3, H, W) → class token, patch tokens."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.backbone(image)
        return features.cls_token, features.patch_tokens


def native_size(name: str) -> int:
    """Pixels a side of the input for which the papers count operations."""
    return 256 if name.startswith(("mobilevit", "swin_v2")) else 224


def multiply_accumulates(model: nn.Module, image: Tensor) -> float:
    """GMACs of one forward pass: multiply-accumulates in 10⁹, those of attention included."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        model(image)
    return counter.get_total_flops() / 2e9


def median_ms(call: Callable[[], object]) -> float:
    """Median time of a call in milliseconds, over about SECONDS_EACH."""
    for _ in range(3):
        call()
    times: list[float] = []
    end = time.perf_counter() + SECONDS_EACH
    while len(times) < 5 or (time.perf_counter() < end and len(times) < 300):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def latencies(model: nn.Module, image: Tensor) -> dict[str, float]:
    """Median milliseconds of one image in each engine on the CPU."""
    pixels = image.numpy()
    with torch.inference_mode():
        result = {"torch": median_ms(lambda: model(image))}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        with torch.no_grad():
            torch.onnx.export(model, (image,), path, input_names=["image"], dynamo=True, verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        result["onnxruntime"] = median_ms(lambda: session.run(None, {"image": pixels}))
        core = shared_core()
        read = core.read_model(path)
        capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        for name, hint in (("openvino fp32", "f32"), ("openvino bf16", "bf16")):
            if hint == "bf16" and "BF16" not in capabilities:
                continue
            settings = {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": hint,
                "INFERENCE_NUM_THREADS": THREADS,
            }
            request = core.compile_model(read, "CPU", settings).create_infer_request()
            result[name] = median_ms(lambda request=request: request.infer([pixels]))  # type: ignore[misc]
    return result


def measure(name: str) -> dict[str, Any]:
    """All figures of one variant."""
    side = native_size(name)
    backbone = make_backbone(VARIANTS[name])
    model = Tokens(backbone).eval()
    image = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, side, side)).astype(np.float32))
    return {
        "input": side,
        "parameters": sum(parameter.numel() for parameter in backbone.parameters()),
        "gmacs": multiply_accumulates(model, image),
        "ms": latencies(model, image),
    }


def sources(name: str) -> str:
    """The publishers whose checkpoints of a variant are in the catalogue."""
    known = {"timm": "timm", "torchvision": "torchvision", "fair": "FAIR"}
    owners = [
        known.get(card.name.split("/")[0], "Hugging Face")
        for card in read_catalog().values()
        if card.architecture == name
    ]
    return ", ".join(dict.fromkeys(owners)) or "–"


def table(measured: dict[str, Any]) -> Iterable[str]:
    """The lines of the table, one family after the other."""
    engines = ("torch", "onnxruntime", "openvino fp32", "openvino bf16")
    titles = ["backbone", "input", "parameters, 10⁶", "GMACs", *(f"{e}, ms" for e in engines), "checkpoints"]
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for name in VARIANTS:
        if row := measured.get(name):
            ms = [f"{row['ms'][engine]:.1f}" if engine in row["ms"] else "–" for engine in engines]
            size = f"{row['parameters'] / 1e6:.1f}"
            cells = [f"`{name}`", f"{row['input']}²", size, f"{row['gmacs']:.2f}", *ms, sources(name)]
            yield f"| {' | '.join(cells)} |"


def machine() -> str:
    """The CPU's own name."""
    return str(shared_core().get_property("CPU", "FULL_DEVICE_NAME")) or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--kept", type=Path, default=ROOT / "out" / "models.json", help="where the figures are kept"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "models.md")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    measured = json.loads(arguments.kept.read_text()) if arguments.kept.exists() else {}
    arguments.kept.parent.mkdir(parents=True, exist_ok=True)
    for name in VARIANTS:
        if name not in measured:
            measured[name] = measure(name)
            arguments.kept.write_text(json.dumps(measured, indent=1))
            print(name, {engine: round(ms, 1) for engine, ms in measured[name]["ms"].items()}, flush=True)
    head = HEAD.format(
        machine=machine(),
        threads=THREADS,
        torch=torch.__version__,
        onnxruntime=onnxruntime.__version__,
        openvino=openvino.__version__.split("-")[0],
        seconds=SECONDS_EACH,
    )
    arguments.output.write_text(head + "\n".join(table(measured)) + "\n")


if __name__ == "__main__":
    main()
