"""A training config checks itself, and comes back from YAML as it went in."""

from __future__ import annotations

import dataclasses
import re

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")

from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.training.config import (
    Augmentation,
    LossWeights,
    TrainingConfig,
    read_config,
    write_config,
)
from vit_perception.training.distillation import Distillation
from vit_perception.training.learning_rate import LearningRate
from vit_perception.training.navigation.config import NavigationTraining, NavigationWeights

COUNT = (0, -1, 1.5, True, "12", None)
PROBABILITY = (-0.1, 1.0, "0.1", None)
RANGE = ((2.0, 1.0), (0.0, 1.0), (1.0,), 1.0, None)
WRONG = {
    TrainingConfig: {
        "steps": COUNT,
        "minutes": (0, -1, float("inf"), "5"),
        "batch_size": COUNT,
        "accumulation": COUNT,
        "learning_rate": (None, 0.1, {"head": 0.1}, {"heads": -1.0}),
        "frozen": ("backbone", (1,), None),
        "weights": (None, ("coco",), {"coco/": 0}, {"coco/": "2"}),
        "ema_decay": PROBABILITY,
        "clip": (0, -1, None),
        "bf16": (1, None),
        "checkpointing": ("yes", None),
        "dropout": (0, None),
        "validate_every": COUNT,
        "patience": (-1, 0.5, None),
        "start_share": PROBABILITY,
        "scales": RANGE,
        "input_sizes": ((), 84, (84, 112), ((84,),), ((84, 0),), "84x112"),
        "augmentation": (None, {"zoom": (2, 1)}, {"blur": 1}),
        "losses": (None, {"boxes": -1}, {"masks": 1}),
        "distillation": ("robot_vit_s14", {}, {"teacher": "a", "kind": "firm"}, {"student": "a"}),
        "navigation": (
            "yes",
            {"window": 0},
            {"windows": 4},
            {"model": {"beams": 1}},
            {"losses": {"path": -1}},
        ),
        "held_out": (0, 0.4, None),
        "seed": (-1, 0.5, None),
    },
    Augmentation: {
        "zoom": RANGE,
        "stretch": (-0.1, 1.1, None),
        "mirror": PROBABILITY,
        "mosaic": PROBABILITY,
        "mosaic_sides": (*RANGE, (1, 2), (2, 2.5)),
        "paste": PROBABILITY,
        "colour": (-0.1, 1.1, None),
    },
    Distillation: {
        "teacher": ("", 5, None),
        "kind": ("firm", None),
        "temperature": (0, -1, "1", None),
        "weight": (-1.0, "1", None, 0),
        "features": (-1.0, "1", None),
    },
    NavigationTraining: {
        "model": (None, 4, {"wings": 2}, {"width": 18}),
        "window": COUNT,
        "drop_depth": PROBABILITY,
        "drop_goal": PROBABILITY,
        "goal_drift": (-0.1, "0.1", None),
        "drop_history": PROBABILITY,
        "losses": (None, {"path": -1}, {"wings": 2}),
        "tokens": (5, False),
    },
    NavigationConfig: {
        "depth": (1, "yes", None),
        "goal": (1, "yes", None),
        "free_space": (1, "yes", None),
        "history": (-1, 1.5, True, None),
        "interval": (0, -1, "1", None),
        "waypoints": COUNT,
        "beams": (*COUNT, 1),
        "beam_angle": (0, 4.0, None),
        "max_range": (0, -1, None),
        "width": (*COUNT, 18),
    },
    NavigationWeights: {each.name: (-1.0, "1", None) for each in dataclasses.fields(NavigationWeights)},
    LossWeights: {each.name: (-1.0, "1", None) for each in dataclasses.fields(LossWeights)},
}
REQUIRED = {Distillation: {"teacher": "robot_vit_s14"}}
CASES = [
    (kind, name, value)
    for kind, fields in WRONG.items()
    for name, values in fields.items()
    for value in values
]


@pytest.mark.parametrize(("kind", "name", "value"), CASES)
def test_a_wrong_value_is_refused_by_name(kind, name, value):
    with pytest.raises(ValueError, match=name):
        kind(**REQUIRED.get(kind, {}) | {name: value})


@pytest.mark.parametrize("kind", WRONG)
def test_every_field_is_documented_and_refuses_something(kind):
    fields = {each.name for each in dataclasses.fields(kind)}
    listed = kind.__doc__.partition("    Attributes:\n")[2].split("\n\n")[0]
    assert set(re.findall(r"^ {8}(\w+): \S", listed, re.M)) == fields == set(WRONG[kind])


def test_a_config_survives_yaml(tmp_path):
    config = TrainingConfig(
        steps=7,
        minutes=1.5,
        input_sizes=((84, 112), (112, 84)),
        learning_rate=LearningRate(heads=2e-3, layer_decay=0.7),
        frozen=("backbone.blocks.0",),
        weights={"coco/": 2.5},
        augmentation=Augmentation(zoom=(0.5, 1.0), mosaic=0.0, mosaic_sides=(2, 3)),
        losses=LossWeights(dice=0.0),
        distillation=Distillation("robot_vit_s14", kind="hard", features=0.5),
    )
    write_config(config, tmp_path / "config.yaml")
    assert read_config(tmp_path / "config.yaml") == config


def test_fields_that_a_file_does_not_name_have_their_defaults(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("steps: 5\nlearning_rate: {backbone: 0.001}\n")
    assert read_config(path) == TrainingConfig(steps=5, learning_rate=LearningRate(backbone=1e-3))
    path.write_text("")
    assert read_config(path) == TrainingConfig()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("step: 5", "step is unknown: choose from steps, minutes"),
        ("learning_rate: {head: 1}", r"learning_rate: head is unknown: choose from heads"),
        ("distillation: {weight: 1}", "distillation: teacher must be the name or folder of a model, not ''"),
        ("- 5", "must be a mapping of fields"),
        ("steps: [", "is not YAML"),
    ],
)
def test_a_wrong_file_is_named_with_the_reason(tmp_path, text, reason):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=reason) as caught:
        read_config(path)
    assert "config.yaml" in str(caught.value)


def test_a_run_ends_with_its_steps_or_its_minutes():
    config = TrainingConfig(steps=100, minutes=10)
    assert config.progress(25, 1) == 0.25
    assert config.progress(25, 9) == 0.9
    assert config.progress(101, 1) == 1
    assert TrainingConfig(steps=100).progress(25, 1e9) == 0.25
