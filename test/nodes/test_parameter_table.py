"""The table of parameters is complete enough to write the documentation from it."""

from dataclasses import fields

import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.parameter_table import PARAMETERS
from vit_perception.tasks import TASKS


@pytest.mark.parametrize("spec", PARAMETERS.values(), ids=lambda spec: spec.name)
def test_each_is_described_and_takes_its_default(spec):
    assert spec.description.endswith(".")
    assert (spec.default is None) == bool(spec.default_note)
    assert set(spec.tasks) <= set(TASKS)
    if spec.default is not None:
        spec.check(spec.default)


def test_names_that_users_type():
    assert set(PARAMETERS) == {
        *("model", "engine", "device", "precision", "image_transport", "image_topics", "autostart"),
        *("tasks", "enabled_tasks", "overlay", "max_rate", "max_latency_ms", "input_scale", "map_scale"),
        *("max_megapixels", "compile_beside", "smoothing"),
        *(f"{task}.model" for task in TASKS),
        *("min_rate", "max_age_ms"),
        *("prompts", "classification.threshold", "detection.threshold"),
        *("classification.classes", "detection.classes"),
        *(f"navigation.{field.name}" for field in fields(NavigationSettings)),
        *("depth_transport", "depth_tolerance_ms", "image_geometry", "segmentation.points_step"),
        "attention.shows",
    }
