"""A teacher from an ONNX or TFLite file and its contract, run by OpenVINO, which reads both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.data.teachers import Prediction
from vit_perception.data.teachers.contract import Contract
from vit_perception.data.teachers.decode import DECODERS
from vit_perception.data.teachers.picture_input import picture_input
from vit_perception.runtime.engines.openvino_compiler import shared_core

# One thread: labelling runs a process a core. Not pinned: every process would pin itself to the first core,
# and they would share it. fp32: a processor with bf16 would give other labels than one without, and the files
# of a run on several machines would differ.
_OPTIONS = {
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "ENABLE_CPU_PINNING": False,
    "INFERENCE_PRECISION_HINT": "f32",
}


class FileTeacher:
    """A model file that a contract describes. See `Teacher`.

    Args:
        path: of the model file.
        contract: how it takes and gives.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, or it does not fit the contract; the message is one sentence.
    """

    gives_depth = False

    def __init__(self, path: Path, contract: Contract) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"there is no {path}: give the path of the teacher's file")
        self.name = path.stem
        self.gives_dense = bool(contract.output.strides)
        self._path, self._contract = path, contract
        masks = contract.output.kind == "class_map"
        self.mask_labels: tuple[str | None, ...] = contract.labels if masks else ()
        self.box_labels = () if masks else tuple(label for label in contract.labels if label is not None)
        self._request = self._compile()
        # Errors of shape and class show now, not at the first picture.
        self(np.full((48, 64, 3), 114, np.uint8))

    def __call__(self, image: np.ndarray) -> Prediction:
        contract = self._contract
        pixels, geometry = picture_input(image, contract.input)
        inputs = {self._image_input: pixels}
        if contract.input.size_input:
            inputs[contract.input.size_input] = np.array([[image.shape[1], image.shape[0]]], np.int64)
        results = self._request.infer(inputs)
        names: Sequence[str | int] = contract.output.names or range(contract.output.count)
        try:
            return DECODERS[contract.output.kind]([results[name] for name in names], contract, geometry)
        except ValueError as error:
            raise ValueError(f"{self._path} does not fit its contract: {error}") from None

    def _compile(self) -> Any:
        """The network with fixed shapes, of a batch of one."""
        import openvino

        core = shared_core()
        try:
            model = core.read_model(self._path)
        except RuntimeError as error:
            raise ValueError(f"{self._path} cannot be read as a model: {_first_line(error)}") from None
        contract = self._contract
        inputs = [value.any_name for value in model.inputs]
        others = [name for name in inputs if name != contract.input.size_input]
        if len(others) != 1 or len(inputs) - 1 != bool(contract.input.size_input):
            named = f" and {contract.input.size_input}" if contract.input.size_input else ""
            raise ValueError(
                f"{self._path} does not fit its contract: it has the inputs {', '.join(inputs)}, and the "
                f"contract has one for the picture{named}"
            )
        self._image_input = others[0]
        self._check_outputs([value.get_names() for value in model.outputs])
        sides = contract.input.size
        shapes = {others[0]: [1, 3, *sides] if contract.input.layout == "NCHW" else [1, *sides, 3]}
        if contract.input.size_input:
            shapes[contract.input.size_input] = [1, 2]
        takes = model.input(others[0])
        name = takes.element_type.to_dtype().name
        if name != contract.input.dtype or not takes.partial_shape.compatible(
            openvino.PartialShape(shapes[others[0]])
        ):
            raise ValueError(
                f"{self._path} does not fit its contract: it takes {takes.partial_shape} of {name}, and the "
                f"contract gives {shapes[others[0]]} of {contract.input.dtype}"
            )
        try:
            model.reshape(shapes)
            return core.compile_model(model, "CPU", _OPTIONS).create_infer_request()
        except RuntimeError as error:
            raise ValueError(f"{self._path} cannot run: {_first_line(error)}") from None

    def _check_outputs(self, given: list[set[str]]) -> None:
        output = self._contract.output
        listed = ", ".join(min(names, default="(no name)") for names in given)
        if missing := [name for name in output.names if not any(name in names for names in given)]:
            raise ValueError(f"{self._path} has no output {missing[0]}, only {listed}")
        if len(given) < output.count:
            raise ValueError(
                f"{self._path} does not fit its contract: {output.kind} reads {output.count} outputs, and it "
                f"has {listed}"
            )


def _first_line(error: Exception) -> str:
    """What a message of OpenVINO says; it ends with the places in its own source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    return (said or lines or ["for no reason that OpenVINO gives"])[0]
