"""Tiny model files with contracts, made with ONNX's helper: what they find follows from the picture alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = (32, 32)


def write_detector(folder: Path, name: str = "finder", labels: str = "[person, dog]") -> Path:
    """A detector of kind `boxes`. It finds a person in the left half, with the mean of the red channel as
    score, and a dog in the right half, with that of the green channel."""
    folder.mkdir(parents=True, exist_ok=True)
    constants = {
        "halves": np.array([[[0.0, 0.25, 0.5, 0.75], [0.5, 0.25, 1.0, 0.75]]], np.float32),
        "labels": np.array([[0, 1]], np.int64),
        "axes": np.array([2, 3], np.int64),
        "starts": np.array([0], np.int64),
        "ends": np.array([2], np.int64),
        "channel_axis": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["means"], keepdims=0),
        helper.make_node("Slice", ["means", "starts", "ends", "channel_axis"], ["scores"]),
        helper.make_node("Cast", ["sizes"], ["sizes_float"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["sizes_float", "sizes_float"], ["extent"], axis=1),
        helper.make_node("Mul", ["halves", "extent"], ["boxes"]),
        helper.make_node("Identity", ["labels"], ["class_ids"]),
    ]
    inputs = [("images", TensorProto.FLOAT, [1, 3, *SIZE]), ("sizes", TensorProto.INT64, [1, 2])]
    outputs = [
        ("class_ids", TensorProto.INT64, [1, 2]),
        ("boxes", TensorProto.FLOAT, [1, 2, 4]),
        ("scores", TensorProto.FLOAT, [1, 2]),
    ]
    _write(folder / f"{name}.onnx", nodes, inputs, outputs, constants)
    (folder / f"{name}.yaml").write_text(
        f"teacher: {name}.onnx\n"
        f"labels: {labels}\n"
        f"input: {{size: [{SIZE[0]}, {SIZE[1]}], std: 255, size_input: sizes}}\n"
        "output: {kind: boxes, names: [class_ids, boxes, scores]}\n"
    )
    return folder / f"{name}.onnx"


def write_segmenter(folder: Path, name: str = "painter", labels: str = "[~, grass, person]") -> Path:
    """A segmenter of kind `class_map`: the class of a pixel is the place of its largest channel."""
    folder.mkdir(parents=True, exist_ok=True)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ArgMax", ["floats"], ["classes"], axis=3, keepdims=0),
    ]
    inputs = [("pixels", TensorProto.UINT8, [1, *SIZE, 3])]
    _write(folder / f"{name}.onnx", nodes, inputs, [("classes", TensorProto.INT64, [1, *SIZE])], {})
    (folder / f"{name}.yaml").write_text(
        f"teacher: {name}.onnx\n"
        f"labels: {labels}\n"
        f"input: {{size: [{SIZE[0]}, {SIZE[1]}], layout: NHWC, dtype: uint8}}\n"
        "output: {kind: class_map}\n"
    )
    return folder / f"{name}.onnx"


def write_grid_detector(folder: Path, name: str = "grid", labels: str = "[person, dog]") -> Path:
    """A detector of kind `yolox` with 4 x 4 cells of stride 8. A cell's box is the cell, its score for a
    person is the mean of its red channel, for a dog that of its green channel."""
    folder.mkdir(parents=True, exist_ok=True)
    constants = {
        "box": np.array([[[0.5, 0.5, 0, 0, 1]]], np.float32).repeat(16, axis=1),
        "shape": np.array([1, 3, 16], np.int64),
        "starts": np.array([0], np.int64),
        "ends": np.array([2], np.int64),
        "channel_axis": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("AveragePool", ["images"], ["means"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Reshape", ["means", "shape"], ["channels"]),
        helper.make_node("Slice", ["channels", "starts", "ends", "channel_axis"], ["two"]),
        helper.make_node("Transpose", ["two"], ["scores"], perm=[0, 2, 1]),
        helper.make_node("Concat", ["box", "scores"], ["rows"], axis=2),
    ]
    inputs = [("images", TensorProto.FLOAT, [1, 3, *SIZE])]
    outputs = [("rows", TensorProto.FLOAT, [1, 16, 7])]
    _write(folder / f"{name}.onnx", nodes, inputs, outputs, constants)
    (folder / f"{name}.yaml").write_text(
        f"teacher: {name}.onnx\n"
        f"labels: {labels}\n"
        f"input: {{size: [{SIZE[0]}, {SIZE[1]}], std: 255, fit: letterbox, padding: 255}}\n"
        "output: {kind: yolox, strides: [8]}\n"
    )
    return folder / f"{name}.onnx"


def _write(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[tuple[str, int, list[int]]],
    outputs: list[tuple[str, int, list[int]]],
    constants: dict[str, np.ndarray],
) -> None:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
