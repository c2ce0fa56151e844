"""The names that users type are those in fixtures/public_names.yaml, which changes with each of them."""

from __future__ import annotations

import argparse
import ast
import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from vit_perception.cards.locate import PUBLIC_SCHEMES
from vit_perception.cli import make_parser
from vit_perception.hub.presets import preset_files
from vit_perception.nodes.executables import EXECUTABLES, SUITE
from vit_perception.nodes.launch_plan import ARGUMENTS
from vit_perception.nodes.navigation.launch_plan import ARGUMENTS as NAVIGATION_ARGUMENTS
from vit_perception.tasks import TASKS

if TYPE_CHECKING:
    from ros.graph import Graph

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "vit_perception"
NAMES: dict[str, Any] = yaml.safe_load((ROOT / "test/fixtures/public_names.yaml").read_text())
EVERY_NODE = NAMES["parameters"].pop("every_node")


def spelled(name: str, choices: Iterable[str] | None) -> str:
    """`--engine auto | torch`: a name, and the values that it takes where only some are allowed."""
    return f"{name} {' | '.join(choice or 'empty' for choice in choices)}" if choices else name


def commands(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, list[str]]]:
    """Each command below a parser, with its options."""
    options = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below, its_parser in action.choices.items():
                yield from commands(its_parser, f"{name} {below}".strip())
        elif not isinstance(action, argparse._HelpAction):
            options.append(spelled("/".join(action.option_strings) or action.dest, action.choices))
    if name:
        yield name, sorted(options)


def test_commands_and_options() -> None:
    assert dict(commands(make_parser())) == NAMES["commands"]


@pytest.mark.parametrize("module", NAMES["modules"])
def test_modules_that_run(module: str) -> None:
    file = ROOT / f"{module.replace('.', '/')}.py"
    assert 'if __name__ == "__main__":' in file.read_text()
    pytest.importorskip("torch", reason="training needs torch: make test installs it")
    parser = importlib.import_module(module).make_parser()
    assert dict(commands(parser, module)) == {module: NAMES["modules"][module]}


def test_tasks_models_presets_and_executables() -> None:
    assert list(TASKS) == NAMES["tasks"]
    assert sorted(card.parent.name for card in ROOT.glob("models/*/model.yaml")) == NAMES["models"]
    assert list(PUBLIC_SCHEMES) == NAMES["public_models"]
    assert list(preset_files()) == NAMES["presets"]
    assert sorted([*EXECUTABLES.values(), SUITE]) == sorted(NAMES["parameters"])
    files = {file.stem for file in ROOT.glob("config/*.yaml")}
    assert files == {*NAMES["parameters"], "nav2_navigation_scan"}


@pytest.fixture(scope="module")
def graph() -> Iterator[Graph]:
    pytest.importorskip("rclpy", reason="needs ROS 2")
    pytest.importorskip("vision_msgs", reason="needs vision_msgs")
    from ros.graph import Graph
    from vit_perception.replay.processes import free_domain

    graph = Graph(free_domain())
    yield graph
    graph.close()


@pytest.mark.parametrize("executable", NAMES["parameters"])
def test_parameters(executable: str, graph: Graph) -> None:
    tasks = {name: (task,) for task, name in EXECUTABLES.items()}
    with graph.node("/names", tasks.get(executable), name=executable, autostart=False) as node:
        node.trigger_configure()  # thresholds are declared once the model is known
        declared = node.get_parameters_by_prefix("")
    of_ros = ("use_sim_time", "start_type_description", "qos_overrides")
    ours = {name for name in declared if not name.startswith(of_ros)}
    assert ours == {*EVERY_NODE, *NAMES["parameters"][executable]}


def test_launch_arguments() -> None:
    files = {"perception.launch.py": ARGUMENTS, "navigation.launch.py": NAVIGATION_ARGUMENTS}
    arguments = {
        file: [spelled(argument.name, argument.choices) for argument in its] for file, its in files.items()
    }
    assert arguments == NAMES["launch"]
    assert {file.name for file in ROOT.glob("launch/*")} - {"__pycache__"} == set(NAMES["launch"])


def test_topics() -> None:
    rows = re.findall(r"^\| (?:in|out) \| (.+?) \| (\S+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    topics = {topic: kind for cell, kind in rows for topic in re.findall(r"`([^`]+)`", cell)}
    assert topics == NAMES["topics"]


def test_make_targets_and_variables() -> None:
    text = re.sub(r"^\s*#.*", "", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    targets = set(re.findall(r"^([a-z-]+):(?!=)", text, re.MULTILINE)) - {"named-data"}  # checks DATA
    made = set(re.findall(r"^([A-Z_]+) :=", text, re.MULTILINE))
    variables = set(re.findall(r"\$\(([A-Z_]+)\)", text)) - made
    assert {"targets": sorted(targets), "variables": sorted(variables)} == NAMES["make"]


def test_environment_variables() -> None:
    found = {
        name
        for file in PACKAGE.rglob("*.py")
        for name in re.findall(r"VIT_PERCEPTION_[A-Z]+", file.read_text())
    }
    assert sorted(found) == NAMES["environment"]


@pytest.mark.parametrize("name", NAMES["imports"])
def test_imports(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    assert attribute in {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
