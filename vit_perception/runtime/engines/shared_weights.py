"""Graphs whose weights stay in the model's safetensors file: stored once, for every engine and precision.

A graph in OpenVINO's format keeps its constants in a file of its own. Here each that is a tensor of
the safetensors file is taken out (`detach`) and put back as the graph is loaded (`attach`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

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


def detach(model: Any, weights: Path, prefix: str = "model.") -> None:
    """Replace each constant that is, name and value, a matrix of `weights` by an input of that name.

    Args:
        model: an openvino.Model, changed in place. prefix: before the names in the graph.
    """
    from openvino import opset13

    tensors = {f"{prefix}{name}": tensor for name, tensor in read_tensors(weights).items() if tensor.ndim > 1}
    inputs = []
    for node in model.get_ops():
        tensor = tensors.get(node.get_friendly_name())
        if node.get_type_name() != "Constant" or tensor is None:
            continue
        if np.array_equal(node.data, tensor.astype(np.float32)):
            parameter = opset13.parameter(tensor.shape, np.float32)
            parameter.set_friendly_name(node.get_friendly_name())
            node.output(0).replace(parameter.output(0))
            inputs.append(parameter)
    model.add_parameters(inputs)
    model.validate_nodes_and_infer_types()


def attach(model: Any, weights: Path, inputs: Iterable[str] = ("image",), prefix: str = "model.") -> None:
    """Undo `detach`: every input but `inputs` becomes a constant with the value in `weights`.

    Raises:
        ValueError: `weights` lacks a tensor, or has it in another shape.
    """
    from openvino import opset13

    tensors = read_tensors(weights)
    for parameter in model.get_parameters():
        name = parameter.get_friendly_name()
        if name in inputs:
            continue
        tensor = tensors.get(name.removeprefix(prefix))
        if tensor is None or list(tensor.shape) != list(parameter.get_output_shape(0)):
            raise ValueError(f"{weights} has no tensor {name.removeprefix(prefix)!r} as the graph reads it")
        constant = opset13.constant(tensor.astype(np.float32))
        constant.set_friendly_name(name)
        parameter.output(0).replace(constant.output(0))
        model.remove_parameter(parameter)
    model.validate_nodes_and_infer_types()
