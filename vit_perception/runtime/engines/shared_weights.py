"""Graphs whose weights stay in the model's safetensors file: stored once, for every engine and precision.

A graph in OpenVINO's format keeps its constants in a file of its own. Here each that is a tensor of
the safetensors file is taken out (`detach`) and put back as the graph is loaded (`attach`).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

# Before the name of each weight in a graph.
WEIGHT_PREFIX = "model."

# After the name of one that the graph reads the other way round.
_TRANSPOSED = ".T"

_DTYPES = {"F32": np.float32, "F16": np.float16}


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Entry by tensor of a safetensors file, and the offset that its `data_offsets` count from."""
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        header: dict[str, Any] = json.loads(stream.read(size))
    header.pop("__metadata__", None)
    return header, 8 + size


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Name → array of every float tensor of a safetensors file, mapped, not read."""
    header, start = read_header(path)
    tensors: dict[str, np.ndarray] = {}
    for name, entry in header.items():
        if entry["dtype"] in _DTYPES and 0 not in entry["shape"]:
            begin = start + entry["data_offsets"][0]
            tensors[name] = np.memmap(path, _DTYPES[entry["dtype"]], "r", begin, tuple(entry["shape"]))
    return tensors


def detach(model: Any, weights: Path, prefix: str = WEIGHT_PREFIX) -> None:
    """Replace each constant that is a matrix of `weights`, as it is or transposed, by an input of its name.

    By value, since folding a graph's constants loses the names of what it transposes.

    Args:
        model: an openvino.Model, changed in place. prefix: before the names in the graph.
    """
    from openvino import opset13

    names = {}
    for name, tensor in read_tensors(weights).items():
        if tensor.ndim > 1:
            value = tensor.astype(np.float32)
            if value.ndim == 2:
                names[_digest(value.T)] = f"{name}{_TRANSPOSED}"
            names[_digest(value)] = name
    inputs = []
    for node in model.get_ops():
        if node.get_type_name() != "Constant" or len(node.get_output_shape(0)) < 2:
            continue
        value = np.asarray(node.data)
        known = names.get(_digest(value)) if value.dtype == np.float32 else None
        if known is not None:
            parameter = opset13.parameter(value.shape, np.float32)
            parameter.set_friendly_name(f"{prefix}{known}")
            node.output(0).replace(parameter.output(0))
            inputs.append(parameter)
    model.add_parameters(inputs)
    model.validate_nodes_and_infer_types()


def attach(model: Any, weights: Path, prefix: str = WEIGHT_PREFIX) -> None:
    """Undo `detach`: every input that is named as weights are becomes a constant with its value in `weights`.

    Raises:
        ValueError: `weights` lacks a tensor, or has it in another shape.
    """
    from openvino import opset13

    tensors = read_tensors(weights)
    for parameter in model.get_parameters():
        name = parameter.get_friendly_name()
        if not name.startswith(prefix):
            continue
        stored = name.removeprefix(prefix)
        tensor = tensors.get(stored.removesuffix(_TRANSPOSED))
        if tensor is not None and stored.endswith(_TRANSPOSED):
            tensor = tensor.T
        if tensor is None or list(tensor.shape) != list(parameter.get_output_shape(0)):
            raise ValueError(f"{weights} has no tensor {stored!r} as the graph reads it")
        constant = opset13.constant(np.ascontiguousarray(tensor, np.float32))
        constant.set_friendly_name(name)
        parameter.output(0).replace(constant.output(0))
        model.remove_parameter(parameter)
    model.validate_nodes_and_infer_types()


def _digest(value: np.ndarray) -> tuple[tuple[int, ...], bytes]:
    return value.shape, hashlib.sha256(np.ascontiguousarray(value).tobytes()).digest()


def point_into(graph: Any, weights: Path, prefix: str = WEIGHT_PREFIX) -> None:
    """Replace each weight of an onnx.ModelProto by a reference to its bytes in `weights` (and a cast).

    What is no float, as a table of positions, is small and stays.
    """
    from onnx import TensorProto, helper

    header, start = read_header(weights)
    kept, casts = [], []
    for tensor in graph.graph.initializer:
        entry = header.get(tensor.name.removeprefix(prefix))
        # OpenVINO reads no empty one from a file.
        if entry is None or entry["dtype"] not in _DTYPES or 0 in entry["shape"]:
            kept.append(tensor)
            continue
        half = entry["dtype"] == "F16"
        begin, end = entry["data_offsets"]
        external = TensorProto(
            name=f"{tensor.name}.f16" if half else tensor.name,
            dims=entry["shape"],
            data_type=TensorProto.FLOAT16 if half else TensorProto.FLOAT,
            data_location=TensorProto.EXTERNAL,
        )
        for key, value in (
            ("location", weights.name),
            ("offset", start + begin),
            ("length", end - begin),
        ):
            external.external_data.add(key=key, value=str(value))
        kept.append(external)
        if half:
            casts.append(helper.make_node("Cast", [external.name], [tensor.name], to=TensorProto.FLOAT))
    del graph.graph.initializer[:]
    graph.graph.initializer.extend(kept)
    nodes = list(graph.graph.node)
    del graph.graph.node[:]
    graph.graph.node.extend(casts + nodes)
