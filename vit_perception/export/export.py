"""Model → folder that runs without torch: card, `model.safetensors`, and `model.onnx` that reads it.

The graph keeps no weights of its own. Its initialisers point into the safetensors file, so the
torch engine and the ONNX engines share one copy, half-precision matrices cast up as they load.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from vit_perception.cards.card import Card, write_card
from vit_perception.cards.integrity import sha256
from vit_perception.model import PerceptionModel
from vit_perception.runtime.engines.shared_weights import point_into

ONNX_FILE = "model.onnx"
WEIGHTS_FILE = "model.safetensors"
PARITY = 1e-3  # largest difference of any output, relative to that output's largest value


class _Exported(nn.Module):
    """The one graph that robots run: every head and the attention, no goal."""

    def __init__(self, model: PerceptionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return self.model(image, attention=True)


def save_weights(model: PerceptionModel, path: Path) -> None:
    """Write matrices as float16, vectors (norms, scales, biases: tiny, and small in value) as float32."""
    state = model.state_dict()
    save_file({k: (v.half() if v.ndim > 1 else v.float()).contiguous() for k, v in state.items()}, str(path))
    path.chmod(0o644)  # safetensors makes a private file; a model is installed for every user


def _graph(model: PerceptionModel, size: tuple[int, int]) -> onnx.ModelProto:
    """Export `model` with free batch, height and width; weights stay under their own names."""
    wrapper = _Exported(model).eval()
    patch = model.backbone.size_divisor
    image = torch.zeros(2, model.backbone.in_chans, *size)
    rows, columns = torch.export.Dim("rows", min=2, max=512), torch.export.Dim("columns", min=2, max=512)
    batch = torch.export.Dim("batch", min=1, max=256)
    with torch.no_grad():
        program = torch.onnx.export(
            wrapper,
            (image,),
            input_names=["image"],
            output_names=list(wrapper(image)),
            dynamic_shapes={"image": {0: batch, 2: patch * rows, 3: patch * columns}},
            opset_version=18,
            dynamo=True,
            # Optimising would rename and transpose the weights; the engines do it as they load.
            optimize=False,
            verbose=False,
        )
    assert program is not None  # None only when given a file to write
    proto = program.model_proto
    # Stack traces and shapes of every value: megabytes that say where this was exported.
    for function in [proto.graph, *proto.functions]:
        del function.value_info[:]
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""
    for value in [*proto.graph.input, *proto.graph.output, *proto.graph.initializer]:
        del value.metadata_props[:]
    del proto.graph.metadata_props[:]
    return proto


def _engines(file: Path) -> list[Callable[[list[str], np.ndarray], list[np.ndarray]]]:
    """Both engines of the graph: (names of outputs, image) → outputs, in single precision."""
    import onnxruntime
    import openvino

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    compiled = openvino.Core().compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def vino(names: list[str], image: np.ndarray) -> list[np.ndarray]:
        answers = compiled(image)
        return [np.asarray(answers[name]) for name in names]

    return [lambda names, image: session.run(names, {"image": image}), vino]


def parity(model: PerceptionModel, folder: Path, sizes: tuple[tuple[int, int], ...]) -> dict[str, float]:
    """Largest relative difference of each output, ONNX Runtime and OpenVINO against torch, over `sizes`.

    Both, because an engine may compute a graph wrong that the other computes right.
    """
    engines = _engines(folder / ONNX_FILE)
    worst: dict[str, float] = {}
    generator = np.random.default_rng(0)
    for height, width in sizes:
        image = generator.standard_normal((1, model.backbone.in_chans, height, width)).astype(np.float32)
        with torch.no_grad():
            expected = model.eval()(torch.from_numpy(image), attention=True)
        for engine in engines:
            for (name, tensor), actual in zip(expected.items(), engine(list(expected), image), strict=True):
                reference = tensor.numpy()
                difference = float(np.abs(actual - reference).max() / max(np.abs(reference).max(), 1e-6))
                worst[name] = max(worst.get(name, 0.0), difference)
    return worst


def export(model: PerceptionModel, card: Card, folder: Path) -> dict[str, float]:
    """Write card, weights and graph to `folder`; return the parity of each output.

    `card.files` and `card.sha256` are filled in here.

    Raises:
        ValueError: the graph disagrees with torch by more than `PARITY`; nothing is called a model then.
    """
    from safetensors.torch import load_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / WEIGHTS_FILE
    save_weights(model, weights)
    # From here on the model is what was stored, so that parity measures the graph and not the rounding.
    model.load_state_dict({k: v.float() for k, v in load_file(str(weights)).items()})
    graph = _graph(model, card.input_sizes[0])
    point_into(graph, weights)
    onnx.save_model(graph, str(folder / ONNX_FILE))
    differences = parity(model, folder, card.input_sizes)
    if bad := {name: value for name, value in differences.items() if value > PARITY}:
        raise ValueError(f"ONNX differs from torch by {bad} (relative), more than {PARITY}")
    card = dataclasses.replace(
        card,
        folder=folder,
        files={"onnx": ONNX_FILE, "weights": WEIGHTS_FILE},
        sha256={name: sha256(folder / name) for name in (ONNX_FILE, WEIGHTS_FILE)},
    )
    write_card(card)
    return differences
