"""The model card: what a model is, how to feed it, what it may answer. `models/<name>/model.yaml`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

import yaml

from vit_perception.cards.files import CARD_FILE
from vit_perception.cards.recipe import Recipe, is_scalable, read_recipe, write_recipe
from vit_perception.cards.rules import OURS, Decoding, read_decoding, write_decoding
from vit_perception.tasks import CLASSIFICATION, DETECTION, SEGMENTATION, TASKS

# What `trained` may list, of models of ours and of public ones. A head that is not listed publishes nothing.
OUR_HEADS = (
    "classification",
    "detection",
    "segmentation",
    "navigation.action",
    "navigation.collision",
    "navigation.goal_distance",
    "attention",
)
# Of those with a navigator in their architecture.
NAVIGATOR_HEADS = ("navigation.path", "navigation.scan", "navigation.free_space")
HEADS = (*OUR_HEADS, *NAVIGATOR_HEADS, "detection.queries", "segmentation.queries", "depth")
# Tasks whose answers a score threshold cuts.
THRESHOLDS = (CLASSIFICATION, DETECTION)


def navigator_heads(navigation: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of NAVIGATOR_HEADS that a navigator has, by `architecture.navigation` of its card."""
    free_space = navigation.get("free_space", False)
    return tuple(head for head in NAVIGATOR_HEADS if free_space or head != "navigation.free_space")


def check_thresholds(thresholds: Mapping[str, float]) -> None:
    """Raise ValueError unless every key is a task with a threshold and every value is in 0..1."""
    for task, value in thresholds.items():
        if task not in THRESHOLDS:
            raise ValueError(f"no threshold is used for {task!r}: choose from {', '.join(THRESHOLDS)}")
        if not _is_number(value) or not 0.0 <= value <= 1.0:
            raise ValueError(f"threshold {value!r} of {task} is not a number from 0 to 1")


@dataclass(frozen=True)
class Card:
    """One model, field by field what `model.yaml` says; a missing or unknown field is refused.

    Lists in the file become tuples. Fields from `source` on may be left out, as models of ours do.

    Attributes:
        name: what the model is called.
        description: a sentence or two for people.
        licence: by SPDX's name where it has one.
        provenance: where the weights come from.
        architecture: what `vit_perception.model.build_model` takes; of public models, which have `library` in
            it, what `vit_perception.hub.build.build_public` does.
        files: role (`onnx`, `weights`, `int8`, `int8_data`) → file name beside the card.
        sha256: file name → hex digest.
        patch_size: sides of the input are multiples of it, in pixels.
        input_sizes: (height, width) choices in pixels; preprocessing takes the one in which a frame appears
            largest. With a `recipe`, those that it makes of common frames.
        mean: of red, green and blue, in 0..1.
        std: of the same.
        labels: names of the classes; the index is the class id.
        things: class ids that detection gives, in the order of its score columns.
        actions: names of the navigation actions.
        trained: those of HEADS that were trained.
        thresholds: default minimum score by task.
        metrics: what was measured, for people.
        mask_agreement: how much the mask weighs in detection scores, 0..1 (see runtime/mask_agreement.py).
        source: of a public model, where it came from, with its revision.
        recipe: what a public model's processor does with a frame; without one, a frame is fitted into one of
            `input_sizes`.
        decoding: how the outputs are read.
        open_vocabulary: whether what it looks for is given in prompts, in place of `labels` and `things`.
        batched: whether several frames go through together.
        inexact: precisions whose answers were too far from those in fp32, which `auto` does not take.
        coarse: name of the group of each label, by class id, such as `vehicle` for a car; empty: every label
            is a group of its own (see cards/groups.py).
        folder: that holds the card; not in the file.
    """

    name: str
    description: str
    licence: str
    provenance: str
    architecture: Mapping[str, Any]
    files: Mapping[str, str]
    sha256: Mapping[str, str]
    patch_size: int
    input_sizes: tuple[tuple[int, int], ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    labels: tuple[str, ...]
    things: tuple[int, ...]
    actions: tuple[str, ...]
    trained: tuple[str, ...]
    thresholds: Mapping[str, float]
    metrics: Mapping[str, Any]
    mask_agreement: float = 0.0
    source: str = ""
    recipe: Recipe = ()
    decoding: Decoding = OURS
    open_vocabulary: bool = False
    batched: bool = True
    inexact: tuple[str, ...] = ()
    coarse: tuple[str, ...] = ()
    folder: Path = field(default=Path(), compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "decoding", read_decoding(self.decoding))
            self._check_types()
            self._check_input()
            self._check_answers()
            self._check_files()
        except ValueError as error:
            raise ValueError(f"model card {self.folder / CARD_FILE}: {error}") from None

    def _check_types(self) -> None:
        for name in ("name", "description", "licence", "provenance"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} is {getattr(self, name)!r}: give a text")
        for name in ("architecture", "files", "sha256", "thresholds", "metrics"):
            if not isinstance(getattr(self, name), Mapping):
                raise ValueError(f"{name} is {getattr(self, name)!r}: give a mapping")
        for name in ("labels", "things", "actions", "trained", "inexact", "coarse"):
            values, kind = getattr(self, name), int if name == "things" else str
            if not isinstance(values, tuple) or not all(isinstance(value, kind) for value in values):
                raise ValueError(f"{name} is {values!r}: give a list of {kind.__name__}")
            # Public label lists name some classes alike: ImageNet has two cranes. A group has several labels.
            if name not in ("labels", "coarse") and len(set(values)) != len(values):
                raise ValueError(f"{name} lists a value twice: {', '.join(map(str, values))}")

    def _check_input(self) -> None:
        if not isinstance(self.patch_size, int) or self.patch_size <= 0:
            raise ValueError(f"patch_size is {self.patch_size!r}: give a positive whole number")
        if not isinstance(self.input_sizes, tuple) or not self.input_sizes:
            raise ValueError(f"input_sizes is {self.input_sizes!r}: give at least one [height, width]")
        for size in self.input_sizes:
            if (
                not isinstance(size, tuple)
                or len(size) != 2
                or not all(isinstance(side, int) for side in size)
            ):
                raise ValueError(f"input_sizes holds {size!r}: give [height, width]")
            if min(size) <= 0 or any(side % self.patch_size for side in size):
                raise ValueError(
                    f"input size {size[0]}x{size[1]} is not a multiple of the patch size {self.patch_size}"
                )
        for name in ("mean", "std"):
            values = getattr(self, name)
            if not isinstance(values, tuple) or len(values) != 3 or not all(map(_is_number, values)):
                raise ValueError(f"{name} is {values!r}: give three numbers, for red, green and blue")
        if min(self.std) <= 0:
            raise ValueError(f"std is {self.std!r}: it must be positive")

    def _check_answers(self) -> None:
        for head in self.trained:
            if head not in HEADS:
                raise ValueError(f"trained lists {head!r}: choose from {', '.join(HEADS)}")
        if len(self.labels) > 255 and SEGMENTATION in self.tasks:
            raise ValueError(f"{len(self.labels)} labels do not fit a mono8 mask (255 is unlabelled)")
        self._check_coarse()
        for class_id in self.things:
            if not 0 <= class_id < len(self.labels):
                raise ValueError(f"things names class {class_id}, but labels has {len(self.labels)}")
        check_thresholds(self.thresholds)
        if not _is_number(self.mask_agreement) or not 0.0 <= self.mask_agreement < 1.0:
            raise ValueError(
                f"mask_agreement is {self.mask_agreement!r}: give a number from 0 to less than 1"
            )
        if self.mask_agreement and "segmentation" not in self.trained:
            raise ValueError("mask_agreement needs a mask, but trained lacks segmentation")
        for task in THRESHOLDS:
            if task in self.tasks and task not in self.thresholds:
                raise ValueError(f"thresholds lacks {task}, which is trained")

    def _check_coarse(self) -> None:
        if not self.coarse:
            return
        if self.open_vocabulary:
            raise ValueError("coarse groups labels, but prompts take the place of labels: leave it out")
        if len(self.coarse) != len(self.labels):
            raise ValueError(
                f"coarse has {len(self.coarse)} names of groups for {len(self.labels)} labels: give one for "
                "each label, or leave it out"
            )
        if "" in self.coarse:
            label = self.labels[self.coarse.index("")]
            raise ValueError(f"coarse of {label} is '': give the name of its group, or {label}")

    def _check_files(self) -> None:
        for role, name in self.files.items():
            # A card from elsewhere must not make us read files outside its folder.
            if not isinstance(name, str) or name in ("", ".", "..") or Path(name).name != name:
                raise ValueError(f"files.{role} is {name!r}: give the name of a file beside the card")
            if name not in self.sha256:
                raise ValueError(f"sha256 lacks {name}, which files lists as {role}")

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that this model answers, at least in part."""
        return tuple(task for task in TASKS if any(head.split(".")[0] == task for head in self.trained))

    @property
    def scalable(self) -> bool:
        """Whether its input may be larger or smaller than it says."""
        return not self.recipe or is_scalable(self.recipe)

    def file(self, role: str) -> Path:
        """Path of the file with that role, or FileNotFoundError with what to do."""
        if role not in self.files:
            listed = ", ".join(self.files) or "none"
            raise FileNotFoundError(
                f"model card {self.folder / CARD_FILE} lists no {role!r} file, only {listed}"
            )
        path = self.folder / self.files[role]
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: the model folder is incomplete, install or clone it again"
            )
        return path


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value


def load_card(folder: str | Path) -> Card:
    """Read `folder/model.yaml` (or that file itself).

    Raises:
        FileNotFoundError: there is no card. ValueError: a field is missing, unknown or wrong.
    """
    path = Path(folder)
    path = path if path.suffix == ".yaml" else path / CARD_FILE
    if not path.is_file():
        raise FileNotFoundError(f"no model card at {path}: give a folder that holds {CARD_FILE}")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"model card {path} is not YAML: {error}") from error
    if not isinstance(raw, dict):
        raise ValueError(f"model card {path} must be a mapping of fields, not {type(raw).__name__}")
    fields = [f for f in dataclasses.fields(Card) if f.name != "folder"]
    known = {f.name for f in fields}
    if missing := sorted(f.name for f in fields if f.default is dataclasses.MISSING and f.name not in raw):
        raise ValueError(f"model card {path} lacks {', '.join(missing)}")
    if unknown := sorted(map(str, raw.keys() - known)):
        raise ValueError(f"model card {path} has unknown fields: {', '.join(unknown)}")
    values = {key: _tuples(value) for key, value in raw.items()}
    try:
        values["recipe"] = read_recipe(values.get("recipe", ()))
    except ValueError as error:
        raise ValueError(f"model card {path}: {error}") from None
    return Card(**values, folder=path.parent)


_ALWAYS = tuple(f.name for f in dataclasses.fields(Card) if f.default is dataclasses.MISSING)


def write_card(card: Card) -> None:
    """Write `model.yaml` into the card's folder."""
    fields = {
        f.name: _plain(getattr(card, f.name))
        for f in dataclasses.fields(card)
        if f.name != "folder" and (f.name in _ALWAYS or getattr(card, f.name) != f.default)
    }
    for name, write in (("recipe", write_recipe), ("decoding", write_decoding)):
        fields.pop(name, None)
        if written := write(getattr(card, name)):
            fields[name] = _plain(written)
    text = yaml.safe_dump(fields, sort_keys=False, width=110, allow_unicode=True)
    (card.folder / CARD_FILE).write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:
    """Tuples and mappings as YAML's own types."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
