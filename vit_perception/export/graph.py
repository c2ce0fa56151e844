"""A model of ours as an ONNX graph, by torch.export: any batch, and any size that the backbone takes."""

from __future__ import annotations

import warnings

import onnx
import torch
from torch import Tensor, nn

from vit_perception.cards.raw_outputs import IMAGE
from vit_perception.export.examples import example_navigation
from vit_perception.model import PerceptionModel


class _Exported(nn.Module):
    """The one graph that robots run: every head and the attention, from all inputs."""

    def __init__(self, model: PerceptionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor, *more: Tensor) -> dict[str, Tensor]:
        return self.model(image, attention=True, **dict(zip(self.model.inputs, more, strict=True)))


def graph_of(model: PerceptionModel, size: tuple[int, int]) -> onnx.ModelProto:
    """Export `model`, with an example of (height, width) `size`; weights stay under their own names."""
    wrapper = _Exported(model).eval()
    patch = model.backbone.size_divisor
    image = torch.zeros(2, model.backbone.in_chans, *size)
    more = tuple(
        torch.from_numpy(values) for values in example_navigation(model.navigation, 2, size).values()
    )
    rows, columns = torch.export.Dim("rows", min=2, max=512), torch.export.Dim("columns", min=2, max=512)
    batch = torch.export.Dim("batch", min=1, max=256)
    whole = {0: batch, 2: patch * rows, 3: patch * columns}
    shapes = tuple(whole if name == "depth" else {0: batch} for name in model.inputs)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, that image and depth are of one size
        program = torch.onnx.export(
            wrapper,
            (image, *more),
            input_names=[IMAGE, *model.inputs],
            output_names=list(wrapper(image, *more)),
            dynamic_shapes=(whole, shapes) if shapes else (whole,),
            opset_version=18,
            dynamo=True,
            # Optimising would rename and transpose the weights; the engines do it as they load.
            optimize=False,
            verbose=False,
        )
    assert program is not None  # None only when given a file to write
    graph = program.model_proto
    _strip(graph)
    return graph


def _strip(graph: onnx.ModelProto) -> None:
    """Take out stack traces and the shapes of every value: megabytes that say where this was exported."""
    for function in [graph.graph, *graph.functions]:
        del function.value_info[:]
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""
    for value in [*graph.graph.input, *graph.graph.output, *graph.graph.initializer]:
        del value.metadata_props[:]
    del graph.graph.metadata_props[:]
