"""How a model file takes a picture and gives results: a YAML beside it, as a record that checks itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

SUFFIXES = (".onnx", ".tflite")
# How results are given → how many outputs that takes; None: two for each stride.
KINDS = {"boxes": 3, "yolox": 1, "picodet": None, "class_map": 1}
_WITH_STRIDES = ("yolox", "picodet")
# A mask is uint8, and 255 is unlabelled.
_MOST_LABELS = 255


@dataclass(frozen=True)
class InputContract:
    """How a picture becomes the network's input.

    Attributes:
        size: height and width in pixels.
        layout: `NCHW` or `NHWC`.
        dtype: `float32` or `uint8`.
        channels: `RGB` or `BGR`.
        mean: is subtracted from pixels of 0..255; one number, or one for each channel.
        std: what is left is divided by it.
        fit: `stretch`, or `letterbox`: the aspect ratio is kept, the picture lies in the top left corner.
        padding: value of the pixels beside a letterboxed picture, 0..255.
        size_input: name of a second input, which takes width and height of the picture as int64 (1, 2);
            empty: there is none.

    Raises:
        ValueError: a value is not of this form; the message names it.
    """

    size: tuple[int, int]
    layout: str = "NCHW"
    dtype: str = "float32"
    channels: str = "RGB"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    fit: str = "stretch"
    padding: int = 114
    size_input: str = ""

    def __post_init__(self) -> None:
        if not (_is_list(self.size, 2) and all(_is_count(side) for side in self.size)):
            raise ValueError(f"input.size is {self.size!r}: give height and width in pixels")
        object.__setattr__(self, "size", tuple(self.size))
        _check_choice("input.layout", self.layout, ("NCHW", "NHWC"))
        _check_choice("input.dtype", self.dtype, ("float32", "uint8"))
        _check_choice("input.channels", self.channels, ("RGB", "BGR"))
        _check_choice("input.fit", self.fit, ("stretch", "letterbox"))
        for name in ("mean", "std"):
            values = getattr(self, name)
            values = (values,) if _is_number(values) else values
            if not (_is_list(values, 1) or _is_list(values, 3)) or not all(map(_is_number, values)):
                raise ValueError(f"input.{name} is {values!r}: give one number or three")
            object.__setattr__(self, name, tuple(map(float, values)))
        if min(self.std) <= 0:
            raise ValueError(f"input.std is {self.std!r}: give numbers over 0")
        if self.dtype == "uint8" and (any(self.mean) or any(value != 1 for value in self.std)):
            raise ValueError("input.dtype is uint8, which has no mean and std: leave them out")
        if not _is_count(self.padding, 0) or self.padding > 255:
            raise ValueError(f"input.padding is {self.padding!r}: give a number from 0 to 255")
        if not isinstance(self.size_input, str):
            raise ValueError(f"input.size_input is {self.size_input!r}: give the name of an input")


@dataclass(frozen=True)
class OutputContract:
    """How the network's outputs are to be read.

    Attributes:
        kind: `boxes` (class ids (1, N), boxes (1, N, 4) in pixels of the picture, scores (1, N)),
            `yolox` (rows of centre, size, objectness and class scores on grids), `picodet` (scores of every
            stride, then distributions of the distances to the sides, as in Generalised Focal Loss), or
            `class_map` (the class id of every pixel).
        names: of the outputs, in the order above; empty: the network's own order.
        strides: of the grids, in the network's order; only for `yolox` and `picodet`.

    Raises:
        ValueError: a value is not of this form; the message names it.
    """

    kind: str
    names: tuple[str, ...] = ()
    strides: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_choice("output.kind", self.kind, tuple(KINDS))
        if not _is_list(self.strides) or not all(_is_count(stride) for stride in self.strides):
            raise ValueError(f"output.strides are {self.strides!r}: give whole numbers")
        if bool(self.strides) != (self.kind in _WITH_STRIDES):
            need = "needs output.strides" if self.kind in _WITH_STRIDES else "has no output.strides"
            raise ValueError(f"output.kind {self.kind} {need}")
        if not _is_list(self.names) or not all(isinstance(name, str) for name in self.names):
            raise ValueError(f"output.names are {self.names!r}: give a list of names")
        object.__setattr__(self, "strides", tuple(self.strides))
        object.__setattr__(self, "names", tuple(self.names))
        if self.names and len(self.names) != self.count:
            raise ValueError(f"output.names are {len(self.names)}: {self.kind} has {self.count} outputs")

    @property
    def count(self) -> int:
        """How many outputs are read."""
        return KINDS[self.kind] or 2 * len(self.strides)


@dataclass(frozen=True)
class Contract:
    """A model file, and how it takes and gives.

    Attributes:
        file: its name; the file lies beside the YAML unless `--teachers` gives its path.
        labels: names of the classes by class id; None stands for "none of the others".
        input: how it takes a picture.
        output: how it gives results.
        source: where it is from, for people.
        licence: of the weights, for people.

    Raises:
        ValueError: a value is not of this form; the message names it.
    """

    file: str
    labels: tuple[str | None, ...]
    input: InputContract
    output: OutputContract
    source: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.file, str) or Path(self.file).suffix not in SUFFIXES:
            raise ValueError(f"teacher is {self.file!r}: give a file that ends in {' or '.join(SUFFIXES)}")
        if not _is_list(self.labels) or not 0 < len(self.labels) <= _MOST_LABELS:
            raise ValueError(f"labels are {self.labels!r}: give 1 to {_MOST_LABELS} names")
        for label in self.labels:
            if label is not None and not isinstance(label, str):
                raise ValueError(f"label {label!r} is no name: put it in quotation marks")
        object.__setattr__(self, "labels", tuple(self.labels))
        if None in self.labels and self.output.kind != "class_map":
            raise ValueError("a label is empty: only a class_map has a class that means none of the others")


def read_contract(path: Path) -> Contract:
    """The contract in a YAML file. `labels` may be a text file beside it, with one name a line.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: it is not of this form; the message begins with the path and is one sentence.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    try:
        return _contract(content, path.parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _contract(content: object, folder: Path) -> Contract:
    known = ("teacher", *(field.name for field in fields(Contract) if field.name != "file"))
    values = _mapping("it", content, known, ("teacher", "labels", "input", "output"))
    for name, kind in (("input", InputContract), ("output", OutputContract)):
        names = [field.name for field in fields(kind)]
        values[name] = kind(**_mapping(name, values[name], names, names[:1]))
    if isinstance(values["labels"], str):
        file = folder / values["labels"]
        if not file.is_file():
            raise FileNotFoundError(f"there is no {file}, which labels name: give a list of names or a file")
        values["labels"] = file.read_text(encoding="utf-8").splitlines()
    return Contract(file=values.pop("teacher"), **values)


def _mapping(what: str, content: object, known: Sequence[str], needed: Sequence[str]) -> dict[str, Any]:
    """`content` as a mapping with these keys."""
    if not isinstance(content, Mapping):
        raise ValueError(f"{what} is no mapping: give {', '.join(needed)}")
    if unknown := sorted(map(str, set(content) - set(known))):
        raise ValueError(f"{what} has an unknown field {unknown[0]}: there are {', '.join(known)}")
    if missing := [name for name in needed if name not in content]:
        raise ValueError(f"{what} lacks {missing[0]}")
    return dict(content)


def _is_list(value: object, length: int | None = None) -> bool:
    return isinstance(value, (list, tuple)) and length in (None, len(value))


def _is_count(value: object, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}: choose from {', '.join(choices)}")
