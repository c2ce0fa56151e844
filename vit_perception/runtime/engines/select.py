"""Make the engine that was asked for, or with `auto` the quickest that can run here."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from collections.abc import Collection

from vit_perception.cards.card import Card
from vit_perception.cards.integrity import verify
from vit_perception.install_hint import pip_install
from vit_perception.runtime.engines import Builder, Engine, EngineUnavailable
from vit_perception.runtime.engines.compiled_shapes import MOST, MOST_LIVE

ENGINES = ("openvino", "onnxruntime", "torch")
DEVICES = ("cpu", "cuda")
# In what the network computes; `auto` is the quickest that keeps the answers.
PRECISIONS = ("int8", "fp16", "bf16", "fp32")
# What each engine imports, and what brings it.
LIBRARIES = {"openvino": ("openvino",), "onnxruntime": ("onnxruntime",), "torch": ("torch", "safetensors")}
FILES = {"openvino": ("onnx", "weights"), "onnxruntime": ("onnx", "weights"), "torch": ("weights",)}
OPTIONAL_FILES = {"openvino": ("int8", "int8_data")}
# By device, the quickest first; OpenVINO computes on the CPU here.
CHOICES = {"cpu": ("openvino", "onnxruntime", "torch"), "cuda": ("onnxruntime", "torch")}


def make_engine(
    card: Card,
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    outputs: Collection[str] | None = None,
    build_public: Builder | None = None,
    live: bool = False,
) -> Engine:
    """Load the card's model, its files verified, into an engine.

    Args:
        engine: `auto` or one of ENGINES.
        device: `cpu`, `cuda` or `auto` (CUDA where there is a GPU that an installed engine can use).
        precision: `auto` or one of PRECISIONS; not every engine has all of them.
        outputs: those that will ever be asked for, which an engine may keep to; None is all.
        build_public: what PyTorch makes a public model with, see `Builder`.
        live: whether it is for a camera, and so keeps little memory for other sizes of input.

    Raises:
        EngineUnavailable: nothing that was asked for can run here; the message says why and what to install.
        ValueError: the name of the engine, device or precision is unknown, a model file is damaged, or a
            public model is to run in PyTorch without `build_public`.
        FileNotFoundError: a model file is missing.
    """
    if engine != "auto" and engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}: choose from auto, {', '.join(ENGINES)}")
    if device != "auto" and device not in DEVICES:
        raise ValueError(f"unknown device {device!r}: choose from auto, {', '.join(DEVICES)}")
    if precision != "auto" and precision not in PRECISIONS:
        raise ValueError(f"unknown precision {precision!r}: choose from auto, {', '.join(PRECISIONS)}")
    refusals = []
    for a_device in ("cuda", "cpu") if device == "auto" else (device,):
        if a_device == "cuda" and not count_cuda_devices():
            refusals.append(
                "cuda: this machine has no NVIDIA GPU with a working driver, use device cpu or auto"
            )
            continue
        for name in CHOICES[a_device] if engine == "auto" else (engine,):
            try:
                return _make(card, name, a_device, precision, outputs, build_public, live)
            except EngineUnavailable as error:
                refusals.append(f"{name} on {a_device}: {error}")
    raise EngineUnavailable(f"engine {engine} on device {device} cannot run here. {'; '.join(refusals)}")


def _make(
    card: Card,
    name: str,
    device: str,
    precision: str,
    outputs: Collection[str] | None,
    build_public: Builder | None,
    live: bool,
) -> Engine:
    """Verify the files and load them, or raise EngineUnavailable."""
    if name not in CHOICES[device]:
        raise EngineUnavailable(f"it does not use {device}: choose from {', '.join(CHOICES[device])}")
    if absent := [library for library in LIBRARIES[name] if not _importable(library)]:
        raise EngineUnavailable(f"not installed: {pip_install(' '.join(absent))}")
    if absent := [role for role in FILES[name] if role not in card.files]:
        raise EngineUnavailable(f"model {card.name} has no {absent[0]} file, for it could not be exported")
    verify(card, (*FILES[name], *(role for role in OPTIONAL_FILES.get(name, ()) if role in card.files)))
    try:
        return _load(card, name, device, precision, outputs, build_public, live)
    except ImportError as error:
        libraries = " or ".join(LIBRARIES[name])
        raise EngineUnavailable(
            f"{libraries} is installed, but broken ({error}): install it again"
        ) from error


def _load(
    card: Card,
    name: str,
    device: str,
    precision: str,
    outputs: Collection[str] | None,
    build_public: Builder | None,
    live: bool,
) -> Engine:
    if name == "openvino":
        from vit_perception.runtime.engines.openvino import OpenVinoEngine

        most = MOST_LIVE if live else MOST
        engine: Engine = OpenVinoEngine(card, precision, outputs=outputs, most_shapes=most)
    elif name == "onnxruntime":
        from vit_perception.runtime.engines.onnxruntime import OnnxRuntimeEngine

        engine = OnnxRuntimeEngine(card, device, precision)
    else:
        from vit_perception.runtime.engines.torch import TorchEngine

        engine = TorchEngine(card, device, precision, build_public)
    return engine


def _importable(library: str) -> bool:
    """Whether `import library` would find it; asked without importing, since torch takes a second."""
    try:
        return importlib.util.find_spec(library) is not None
    except ValueError:  # sys.modules holds something without a spec, or None: importing it would fail too.
        return False


def count_cuda_devices() -> int:
    """How many GPUs NVIDIA's driver offers; asks the driver itself, since asking torch takes a second."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
            return 0
    except (OSError, AttributeError):
        return 0
    return count.value
