"""The textbook's node, which the bench measures against, runs with the default model and all its heads."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the textbook's node is in PyTorch: make test installs it")
pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "textbook"))
from node import TASKS, model_of

ANSWERS = {
    "classification": "classification",
    "detection": "detection_boxes",
    "segmentation": "segmentation",
    "navigation": "navigation_action",
    "attention": "attention",
}


@pytest.mark.parametrize("task", TASKS)
def test_a_node_of_one_task_answers_it(task):
    model = model_of(task, "robot_vit_s14")
    with torch.no_grad():
        outputs = model(torch.zeros(1, 3, 224, 224), attention=task == "attention")
    assert torch.isfinite(outputs[ANSWERS[task]]).all()
