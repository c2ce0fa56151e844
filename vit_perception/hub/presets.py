"""Presets: a public model for each of several tasks, under one name. Imports no torch.

Each is a file `config/presets/NAME.yaml`. A test compares it with tools/zoo.yaml (licences) and docs/zoo.md
(milliseconds).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from vit_perception.cards.locate import share_folders
from vit_perception.hub.licences import warning
from vit_perception.hub.names import FORMS, parse_name
from vit_perception.runtime.engines.select import DEVICES
from vit_perception.runtime.prompts import check_prompts
from vit_perception.tasks import TASKS

FOLDER = "config/presets"
_SUFFIX = ".yaml"


@dataclass(frozen=True)
class PresetModel:
    """The model of one task.

    Attributes:
        model: the name of a public model, `hf:ORG/NAME`.
        licence: of its weights, as its page states it.
        ms: time from a 640×480 frame to its results, in milliseconds; None: not measured.
        measured_on: processor, engine and precision of that figure; empty where there is none.

    Raises:
        ValueError: a value is not of this form; the message begins with the field.
    """

    model: str
    licence: str
    ms: float | None
    measured_on: str = ""

    def __post_init__(self) -> None:
        for field in ("model", "licence"):
            _check_text(field, getattr(self, field))
        try:
            public = parse_name(self.model)
        except ValueError as error:
            raise ValueError(f"model: {error}") from None
        if public is None:
            raise ValueError(f"model: {self.model!r} is not the name of a public model: give {FORMS}")
        if self.ms is not None and (type(self.ms) not in (int, float) or not 0 < self.ms < math.inf):
            raise ValueError(f"ms: {self.ms!r} is not a time: give milliseconds, or null if not measured")
        if self.ms is not None or self.measured_on:
            _check_text("measured_on", self.measured_on)
        if self.ms is None and self.measured_on:
            raise ValueError(f"measured_on: {self.measured_on!r} goes with a figure, and ms is null")

    @property
    def latency(self) -> str:
        """`48 (AMD EPYC, 2 cores, openvino bf16)`, or `not measured`."""
        return "not measured" if self.ms is None else f"{self.ms:g} ({self.measured_on})"


@dataclass(frozen=True)
class Preset:
    """A set of public models.

    Attributes:
        name: of the preset, which is that of its file.
        description: what it is for, in a few words.
        suits: for whom it is, and what to know before using it.
        models: the model of each of its tasks, in the order of TASKS.
        prompts: what its models look for; empty unless all of them have an open vocabulary.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        ValueError: a value is not of this form; the message begins with the field.
    """

    name: str
    description: str
    suits: str
    models: Mapping[str, PresetModel]
    prompts: tuple[str, ...] = ()
    device: str = "auto"

    def __post_init__(self) -> None:
        for field in ("name", "description", "suits"):
            _check_text(field, getattr(self, field))
        if not isinstance(self.models, Mapping) or not self.models:
            raise ValueError(f"models: {self.models!r} is not a model for each task")
        for task, model in self.models.items():
            if task not in TASKS:
                raise ValueError(f"models: unknown task {task!r}: choose from {', '.join(TASKS)}")
            if (reason := warning(model.licence)) and "commercial" not in self.description:
                raise ValueError(
                    f"description: {reason} ({model.model}); say so here, with the word commercial"
                )
        ordered = {task: self.models[task] for task in TASKS if task in self.models}
        object.__setattr__(self, "models", MappingProxyType(ordered))
        if self.prompts:
            try:
                object.__setattr__(self, "prompts", check_prompts(self.prompts))
            except ValueError as error:
                raise ValueError(f"prompts: {error}") from None
        if self.device not in ("auto", *DEVICES):
            raise ValueError(f"device: {self.device!r} is unknown: choose from auto, {', '.join(DEVICES)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The public models, each once."""
        return tuple(dict.fromkeys(model.model for model in self.models.values()))


def preset_files() -> dict[str, Path]:
    """Name → file of every preset, in alphabetical order."""
    found: dict[str, Path] = {}
    for folder in share_folders(FOLDER):
        for file in folder.glob(f"*{_SUFFIX}"):
            found.setdefault(file.stem, file)
    return dict(sorted(found.items()))


def find_preset(name: str) -> Preset:
    """The preset of this name.

    Raises:
        ValueError: there is none, and the message suggests names that are near; or its file is wrong.
        OSError: its file cannot be read.
    """
    files = preset_files()
    if name not in files:
        near = difflib.get_close_matches(name.lower().replace("-", "_"), files, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"presets are {', '.join(files) or 'none'}"
        raise ValueError(f"no preset is named {name!r}: {hint}")
    return load_preset(files[name])


def load_preset(file: Path) -> Preset:
    """Read a preset from its file.

    Raises:
        ValueError: the file is wrong; the message names file and field.
        OSError: it cannot be read.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not YAML: {' '.join(str(error).split())}") from None
    try:
        if not isinstance(content, Mapping):
            raise ValueError(f"{content!r} is not a mapping of fields")
        values = _checked_fields(Preset, content, given=("name",))
        models = values["models"]
        if isinstance(models, Mapping):
            values["models"] = {task: _model(task, model) for task, model in models.items()}
        return Preset(name=file.stem, **values)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _model(task: object, content: object) -> PresetModel:
    if not isinstance(content, Mapping):
        raise ValueError(f"models.{task}: {content!r} is not a mapping of fields")
    try:
        return PresetModel(**_checked_fields(PresetModel, content))
    except ValueError as error:
        raise ValueError(f"models.{task}.{error}") from None


def _checked_fields(
    kind: type[Any], content: Mapping[Any, Any], given: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The fields of `kind` as a file has them: no other key, and none missing but those `given` elsewhere."""
    known = {field.name: field.default is MISSING for field in fields(kind) if field.name not in given}
    for key in content:
        if key not in known:
            raise ValueError(f"{key}: unknown field, choose from {', '.join(known)}")
    for name, required in known.items():
        if required and name not in content:
            raise ValueError(f"{name}: missing")
    return dict(content)


def _check_text(field: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{field}: {value!r} is not a text")
