"""The parameter files say what the nodes do."""

from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")

from ros.graph import TINY
from vit_perception.nodes.launch_plan import EXECUTABLES

CONFIG = Path(__file__).parents[2] / "config"
TASK_OF = {executable: task for task, executable in EXECUTABLES.items()} | {"suite": None}


@pytest.mark.parametrize("executable", TASK_OF)
def test_every_parameter_is_there_with_its_default(graph, executable):
    text = (CONFIG / f"{executable}.yaml").read_text()
    given = yaml.safe_load(text)["/**"]["ros__parameters"]
    only = None if TASK_OF[executable] is None else (TASK_OF[executable],)
    with graph.node(
        f"/config_{executable}", only, name=executable, autostart=False, compile_beside=True
    ) as node:
        node.trigger_configure()  # thresholds are declared once the model is known
        ours = {
            name
            for name in node.get_parameters_by_prefix("")
            if not name.startswith(("use_sim_time", "start_type_description", "qos_overrides"))
        }
        mentioned = {line.strip("# ").split(":")[0] for line in text.splitlines() if ":" in line}
        assert ours <= mentioned, "every parameter is in the file, if only in a comment"
        assert set(given) <= ours, "and nothing that the node does not have"
        for name, value in given.items():
            if name not in ("model", "autostart"):  # the test gives its own
                assert node.get_parameter(name).value == value, name
    assert TINY.is_dir()
