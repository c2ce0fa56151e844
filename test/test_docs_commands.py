"""Every command that the documentation shows could be typed: its names exist, and its values are taken."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2")

from vit_perception.cli import make_parser
from vit_perception.nodes.launch_plan import ARGUMENTS
from vit_perception.nodes.navigation.launch_plan import ARGUMENTS as NAVIGATION_ARGUMENTS
from vit_perception.nodes.parameter_table import PARAMETERS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [page.read_text() for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
LAUNCH = {"perception.launch.py": ARGUMENTS, "navigation.launch.py": NAVIGATION_ARGUMENTS}


def commands(beginning: str) -> list[list[str]]:
    """The words of each command in a block for the shell that begins so."""
    blocks = [block for page in PAGES for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)]
    lines = [
        line.removeprefix(".venv/bin/").removesuffix(" &")
        for line in "".join(blocks).replace("\\\n", " ").splitlines()
    ]
    plain = [re.sub(r"\[(--.*?)\]", r"\1", line) for line in lines if line.startswith(beginning)]
    return [shlex.split(line, comments=True) for line in plain]


@pytest.mark.parametrize("words", commands("vit-perception "), ids=" ".join)
def test_vit_perception(words: list[str]) -> None:
    make_parser().parse_args(words[1:])


@pytest.mark.parametrize("words", commands("ros2 launch vit_perception "), ids=" ".join)
def test_launch(words: list[str]) -> None:
    choices = {argument.name: argument.choices for argument in LAUNCH[words[3]]}
    for name, value in (word.split(":=") for word in words[4:]):
        assert not choices[name] or value in choices[name]


@pytest.mark.parametrize("words", commands("ros2 param set "), ids=" ".join)
def test_parameters(words: list[str]) -> None:
    name, value = words[4:]
    PARAMETERS[name].check(yaml.safe_load(value))
