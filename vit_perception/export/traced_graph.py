"""A public model as an ONNX graph whose weights keep their names, by tracing.

torch.export takes minutes for transformers' models, and a trace seconds. What a trace gets wrong, the
comparison with torch finds (see `export/comparison.py`).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any, Protocol

import onnx
import torch
from torch import Tensor, nn

from vit_perception.cards.raw_outputs import CONTENT, IMAGE
from vit_perception.export.tracing import TraceableCalls

_OPSET = 18


class TraceableModel(Protocol):
    """A torch module that names its inputs and outputs, as `vit_perception.hub.public_model.PublicModel`.

    Attributes:
        inputs: names of what it takes beside the image.
        free_axes: by name of an input or output, the axes whose length varies, each with a name for it.
        outputs: names of what it gives with `attention=True`.
    """

    inputs: tuple[str, ...]
    free_axes: Mapping[str, Mapping[int, str]]
    outputs: tuple[str, ...]

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        """Normalised images (B, 3, H, W), and `inputs` by name → raw outputs by name."""
        ...


class _Graph(nn.Module):
    """Inputs by position, outputs as a tuple, as a traced graph has them."""

    def __init__(self, model: TraceableModel) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, image: Tensor, *extra: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(self.model.inputs, extra, strict=True))
        answers = self.model(image, attention=True, **given)
        return tuple(answers[name] for name in self.model.outputs)


def trace(
    model: TraceableModel,
    size: tuple[int, int],
    extra: Mapping[str, Tensor],
    *,
    scalable: bool,
    batched: bool,
) -> onnx.ModelProto:
    """Trace `model` on noise.

    Args:
        model: in evaluation mode afterwards.
        size: (height, width) of the example.
        extra: example values of `model.inputs`.
        scalable: whether height and width are free in the graph.
        batched: whether the number of images is.
    """
    wrapper = _Graph(model).eval()
    image = torch.zeros(2 if batched else 1, 3, *size).normal_(generator=torch.Generator().manual_seed(0))
    axes: dict[str, dict[int, str]] = {IMAGE: {}}
    if batched:
        axes = {name: {0: "batch"} for name in (IMAGE, *model.outputs)}
    if scalable:
        axes[IMAGE] |= {2: "height", 3: "width"}
    if batched and CONTENT in model.inputs:
        axes[CONTENT] = {0: "batch"}
        extra = {**extra, CONTENT: extra[CONTENT].expand(len(image), -1)}
    for name, free in model.free_axes.items():
        axes[name] = axes.get(name, {}) | dict(free)
    stream: Any = io.BytesIO()  # which its annotations leave out
    with torch.no_grad(), warnings.catch_warnings(), TraceableCalls():
        warnings.simplefilter("ignore")  # a trace warns of every shape that Python has read
        torch.onnx.export(
            wrapper,
            (image, *(extra[name] for name in model.inputs)),
            stream,
            input_names=[IMAGE, *model.inputs],
            output_names=list(model.outputs),
            dynamic_axes=axes,
            opset_version=_OPSET,
            # Folding would transpose the weights into nameless copies; the engines do it as they load.
            do_constant_folding=False,
            dynamo=False,
        )
    return onnx.load_from_string(stream.getvalue())
