"""The PicoDet-S of PaddleDetection (Apache-2.0), trained on COCO, from an ONNX file for inference, such as
`picodet_s_416.onnx` of hpc203/picodet-onnxruntime.

The names in such a file say nothing, but its convolutions are in the order in which they are computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from vit_perception.backbones.picodet import Neck, make_stages
from vit_perception.checkpoints.files import State
from vit_perception.heads.picodet import DISTANCES, PicoDetHead


@dataclass(frozen=True)
class PicoDetWeights:
    """Parameters by our names.

    Attributes:
        stages: of the stem and the stages, whose names begin with `stem.` or `stages.`.
        neck: of a `Neck`.
        head: of a `PicoDetHead`.
        classes: its number of classes.
    """

    stages: State
    neck: State
    head: State
    classes: int


def load_picodet(path: Path) -> PicoDetWeights:
    """Read the weights, for images that are normalised as ImageNet's usually are.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or another network.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}: docs/labelling.md says where it comes from")
    stem, stages = make_stages()
    base, neck = nn.ModuleDict({"stem": stem, "stages": stages}), Neck()
    try:
        found = list(_parameters(path))
        # The last one has the scores, then the distances.
        if (count := len(found[-1]["bias"]) - DISTANCES if found else 0) < 1:
            raise ValueError("it has no convolution for scores and distances")
        head, theirs = PicoDetHead(count), iter(found)
        for ours in (base, neck.lateral, neck.top_down):
            _fill(ours, theirs)
        for down, mix in zip(neck.down, neck.bottom_up, strict=True):
            _fill(down, theirs)
            _fill(mix, theirs)
        _fill(neck.top_of_stage, theirs)
        _fill(neck.top, theirs)
        for level, tower in head.towers.items():
            _fill(tower, theirs)
            for name, both in next(theirs).items():
                head.scores[level].get_parameter(name).data.copy_(both[:count])
                head.distances[level].get_parameter(name).data.copy_(both[count:])
        if next(theirs, None) is not None:
            raise ValueError("it has more convolutions")
    except (StopIteration, RuntimeError, ValueError) as error:
        raise ValueError(f"{path} is no PicoDet-S: {str(error) or 'it has fewer convolutions'}") from error
    return PicoDetWeights(base.state_dict(), neck.state_dict(), head.state_dict(), count)


def _parameters(path: Path) -> Iterator[dict[str, Tensor]]:
    """Weight and bias of each convolution, in the order of the graph.

    Raises:
        ValueError: the file is no ONNX graph.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(path).graph
    except DecodeError as error:
        raise ValueError(f"it is no ONNX file: {error}") from error
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    tensors |= {node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == "Constant"}
    for node in graph.node:
        if node.op_type == "Conv":
            weight, bias = (
                torch.from_numpy(onnx.numpy_helper.to_array(tensors[name]).copy()) for name in node.input[1:]
            )
            yield {"weight": weight, "bias": bias.flatten()}


def _fill(module: nn.Module, theirs: Iterator[dict[str, Tensor]]) -> None:
    """Give the convolutions of a module, in its order, the next ones of the graph."""
    for conv in module.modules():
        if isinstance(conv, nn.Conv2d):
            conv.load_state_dict(next(theirs))
