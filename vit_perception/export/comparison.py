"""Does an exported graph compute what torch does? Asked of every engine that is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.cards.raw_outputs import CONTENT
from vit_perception.export.examples import example_content, example_images, example_inputs
from vit_perception.runtime.engines import Engine
from vit_perception.runtime.preprocess import normalised

if TYPE_CHECKING:
    from torch import Tensor

_BOXES, _SCORES = "detection_boxes", "detection_scores"


def compare(
    card: Card,
    reference: Callable[..., Mapping[str, Tensor]],
    tolerance: float,
    text: Mapping[str, Tensor] | None = None,
    *,
    every_size_on_all: bool,
) -> dict[str, float]:
    """Run the card's graph in the installed engines, and torch, on the same image of each input size.

    Args:
        card: lists the graph (`onnx`) and the weights that it reads.
        reference: the torch model: normalised images (B, 3, H, W), and further inputs by name, → raw outputs.
        tolerance: the largest difference that passes, as `relative_differences` gives it.
        text: values of the text inputs, for models with an open vocabulary.
        every_size_on_all: whether all engines run every size. If not, all run the first, for one may compute
            a graph wrong that another computes right, and ONNX Runtime runs the others: OpenVINO compiles
            for each size, which takes minutes for a large model.

    Returns:
        The largest difference of each output, over sizes and engines.

    Raises:
        ValueError: an output differs by more than `tolerance`, or no engine is installed.
    """
    import torch

    engines = _engines(card)
    in_order = card.decoding.detection.kind == "grid"
    worst = dict.fromkeys(engines[0].outputs, 0.0)
    for place, size in enumerate(card.input_sizes):
        images = example_images(size)
        extra = {name: torch.from_numpy(each) for name, each in example_inputs(card, 1, size).items()}
        extra |= text or {}
        if CONTENT in engines[0].inputs:
            extra[CONTENT] = torch.from_numpy(example_content(size))
        with torch.no_grad():
            answers = reference(torch.from_numpy(normalised(images, card)), **extra)
        expected = {name: answers[name].numpy() for name in worst}
        given = {name: value.numpy() for name, value in extra.items()}
        for engine in engines if every_size_on_all or place == 0 else engines[:1]:
            found = engine(images, tuple(worst), given)
            for name, value in relative_differences(expected, found, in_order).items():
                if not value <= tolerance:  # so that NaN does not pass
                    raise ValueError(
                        f"ONNX differs from torch in {name} by {value:.2g} of its range in {engine.name}, "
                        f"more than {tolerance:g}"
                    )
                worst[name] = max(worst[name], value)
    return worst


def relative_differences(
    expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], in_order: bool = True
) -> dict[str, float]:
    """Largest difference of each output that is expected, relative to its largest value.

    Args:
        expected: arrays by name of the output.
        found: the same, and perhaps more.
        in_order: whether boxes come in one order. Detectors of two stages order their queries by scores of
            the first stage, and rounding decides between two that are alike.

    Raises:
        ValueError: an output has another shape.
    """
    if not in_order and {_BOXES, _SCORES} <= set(expected):
        found = {**found, **_paired(expected, found)}
    differences = {}
    for name, reference in expected.items():
        if found[name].shape != reference.shape:
            raise ValueError(f"{name} has the shape {found[name].shape}, not {reference.shape} as in torch")
        scale = max(float(np.abs(reference).max()), 1e-6)
        apart = np.abs(found[name].astype(np.float64) - reference.astype(np.float64))
        differences[name] = float(apart.max()) / scale
    return differences


def _engines(card: Card) -> list[Engine]:
    """Those that are installed, in single precision. The first needs not compile."""
    engines: list[Engine] = []
    if importlib.util.find_spec("onnxruntime"):
        from vit_perception.runtime.engines.onnxruntime import OnnxRuntimeEngine

        engines.append(OnnxRuntimeEngine(card, "cpu", "fp32"))
    if importlib.util.find_spec("openvino"):
        from vit_perception.runtime.engines.openvino import OpenVinoEngine

        engines.append(OpenVinoEngine(card, "fp32", cached=False))
    if not engines:
        raise ValueError("neither openvino nor onnxruntime is installed to run a graph")
    return engines


def _paired(expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """`found` boxes and their scores, in each image in the order of `expected`."""
    paired = {name: found[name].copy() for name in (_BOXES, _SCORES)}
    for image in range(len(paired[_BOXES])):
        wanted, given = (
            np.concatenate([values[name][image] for name in (_BOXES, _SCORES)], axis=1).astype(np.float64)
            for values in (expected, found)
        )
        nearest = [int(np.abs(given - row).max(axis=1).argmin()) for row in wanted]
        if len(set(nearest)) == len(given):  # one to one
            for name, values in paired.items():
                values[image] = found[name][image][nearest]
    return paired
