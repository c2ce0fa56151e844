"""A public model as an ONNX graph whose weights keep their names, compared with torch in both engines."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from vit_perception.export.tracing import Traceable
from vit_perception.hub.public_model import PublicModel

_OPSET = 18
_BOXES = ("detection_boxes", "detection_scores")
# The input of models that are told of padding, see `runtime.raw_outputs`.
CONTENT = "content"


class _Graph(nn.Module):
    """Inputs by position, outputs as a tuple, as a traced graph has them."""

    def __init__(self, model: PublicModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor, *extra: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(self.model.inputs, extra, strict=True))
        answers = self.model(image, attention=True, **given)
        return tuple(answers[name] for name in self.model.outputs)


def graph_of(
    model: PublicModel, size: tuple[int, int], extra: Mapping[str, Tensor], *, scalable: bool, batched: bool
) -> onnx.ModelProto:
    """Trace `model` on images of `size`; height and width are free if `scalable`, the batch if `batched`.

    By tracing, not by torch.export: transformers' models take seconds that way and minutes the other, and
    what a trace gets wrong, the comparison with torch finds (see `runtime.adopt`).

    extra: example values of `model.inputs`.
    """
    wrapper = _Graph(model).eval()
    image = torch.zeros(2 if batched else 1, 3, *size).normal_(generator=torch.Generator().manual_seed(0))
    axes: dict[str, dict[int, str]] = {"image": {}}
    if batched:
        axes = {name: {0: "batch"} for name in ("image", *model.outputs)}
    if scalable:
        axes["image"] |= {2: "height", 3: "width"}
    if batched and CONTENT in model.inputs:
        axes[CONTENT] = {0: "batch"}
        extra = {**extra, CONTENT: extra[CONTENT].expand(len(image), -1)}
    for name, free in model.free_axes.items():
        axes[name] = axes.get(name, {}) | dict(free)
    stream: Any = io.BytesIO()  # which its annotations leave out
    with torch.no_grad(), warnings.catch_warnings(), Traceable():
        warnings.simplefilter("ignore")  # a trace warns of every shape that Python has read
        torch.onnx.export(
            wrapper,
            (image, *(extra[name] for name in model.inputs)),
            stream,
            input_names=["image", *model.inputs],
            output_names=list(model.outputs),
            dynamic_axes=axes,
            opset_version=_OPSET,
            # Folding would transpose the weights into nameless copies; the engines do it as they load.
            do_constant_folding=False,
            dynamo=False,
        )
    return onnx.load_from_string(stream.getvalue())


def differences(
    expected: Mapping[str, Tensor], found: Mapping[str, Any], names: Sequence[str]
) -> dict[str, float]:
    """Largest difference of each output, relative to its largest value; boxes may come in any order."""
    other = {name: torch.as_tensor(found[name]).double() for name in names}
    if set(_BOXES) <= set(names):
        other |= _paired(expected, other)
    worst = {}
    for name in names:
        reference = expected[name].double()
        scale = max(float(reference.abs().max()), 1e-6)
        worst[name] = float((other[name] - reference).abs().max()) / scale
    return worst


def _paired(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`found` boxes and their scores, in each image in the order of `expected`.

    Detectors of two stages put their queries in the order of scores of the first, and rounding decides
    between two that are alike.
    """
    paired = {name: found[name].clone() for name in _BOXES}
    for image in range(len(paired[_BOXES[0]])):
        wanted, given = (
            torch.cat([values[name][image].double() for name in _BOXES], dim=1)
            for values in (expected, found)
        )
        nearest = torch.cdist(wanted, given, p=torch.inf).argmin(dim=1)
        if len(nearest.unique()) == len(given):  # one to one
            for name in _BOXES:
                paired[name][image] = found[name][image][nearest]
    return paired
