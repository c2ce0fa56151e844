"""What the package promises as a whole: imports that point one way, and one version everywhere."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from vit_perception.nodes import executables

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "vit_perception"

CORE = {"layers", "backbones", "heads", "model"}
READ = {"cards", "runtime"}
SHARED = {"tasks", "install_hint"}
# Part → parts that it may import beside itself, and SHARED: the vocabulary, and the words of hints.
MAY_IMPORT = {
    "tasks": set(),
    "install_hint": set(),
    "layers": set(),
    "backbones": {"layers"},
    "heads": {"layers", "backbones"},
    "model": {"layers", "backbones", "heads"},
    "checkpoints": CORE,
    "language": CORE | {"checkpoints"},
    "cards": set(),
    "runtime": CORE | {"cards"},
    "explain": CORE | READ,
    "viz": READ,
    "export": CORE | READ | {"viz"},
    "hub": CORE | READ | {"checkpoints", "export"},
    "data": READ | {"viz", "hub"},
    "training": CORE | READ | {"checkpoints", "language", "explain", "viz", "export", "hub", "data"},
    "nodes": READ | {"viz", "hub"},
    "replay": READ | {"viz", "hub", "nodes"},
    "bench": READ | {"viz", "hub", "nodes", "replay", "export", "data", "training"},
    "chaos": READ | {"viz", "hub", "nodes", "replay", "bench"},
    "sim": READ | {"viz", "hub", "data", "nodes", "replay"},
    "view": READ | {"viz", "hub", "nodes", "replay"},
    "cli": {"commands"},
}
MAY_IMPORT["commands"] = set(MAY_IMPORT) - {"cli"}
# Parts, or files and folders of one.
WITH_ROS = ("nodes", "replay", "bench", "chaos", "view", "sim/node.py", "sim/driving")
ROS_MODULES = ("rclpy", "sensor_msgs", "vision_msgs", "cv_bridge", "launch", "launch_ros")

# Makes modules unimportable in a child process: argv[1] names them, separated by commas.
BLOCK = """
import sys
blocked = set(sys.argv[1].split(","))

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ImportError(f"{name} is blocked in this test")
        return None

sys.meta_path.insert(0, Blocker())
"""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(file: Path) -> str:
    """The first name under the package: `heads`, or `cli` for cli.py."""
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def knows_ros(file: Path) -> bool:
    return any(file.is_relative_to(PACKAGE / place) for place in WITH_ROS)


def dotted(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(file: Path) -> set[str]:
    """Every dotted name that a file imports, at its top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def run_blocked(blocked: str, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", BLOCK + code, blocked, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("file", modules(), ids=dotted)
def test_imports_point_one_way(file: Path) -> None:
    part = part_of(file)
    if part == "__init__":
        return
    imported = {
        name.split(".")[1] for name in imported_names(file) if name.startswith("vit_perception.")
    } & set(MAY_IMPORT)
    wrong = imported - MAY_IMPORT[part] - {part, *SHARED}
    assert not wrong, f"{dotted(file)} imports {sorted(wrong)}"


@pytest.mark.parametrize("file", modules(), ids=dotted)
def test_rclpy_is_known_to_the_nodes_and_the_replay_alone(file: Path) -> None:
    ros = {
        name for name in imported_names(file) if name.split(".")[0] in {"rclpy", "sensor_msgs", "vision_msgs"}
    }
    assert not ros or knows_ros(file), f"{dotted(file)} imports {sorted(ros)}"


def test_everything_but_the_nodes_and_the_replay_imports_without_rclpy() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("the core imports torch, which is not installed")
    names = [dotted(file) for file in modules() if not knows_ros(file)]
    assert len(names) > 20
    code = (
        "import importlib\nfor name in sys.argv[2:]: importlib.import_module(name)\nprint(len(sys.argv[2:]))"
    )
    result = run_blocked("rclpy,sensor_msgs,vision_msgs,cv_bridge", code, *names)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) == len(names)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_the_runtime_answers_without_torch(engine: str) -> None:
    if importlib.util.find_spec(engine) is None:
        pytest.skip(f"{engine} is not installed")
    code = """
import numpy as np
from vit_perception.runtime.predictor import Predictor
predictor = Predictor(sys.argv[2], engine=sys.argv[3], device="cpu")
perception = predictor(np.full((48, 64, 3), 127, np.uint8), order="bgr")
assert "torch" not in sys.modules
print(perception.segmentation.mask.shape)
"""
    result = run_blocked("torch,torchvision,rclpy", code, str(ROOT / "test/fixtures/tiny"), engine)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().splitlines()[-1] == "(48, 64)"


@pytest.mark.parametrize("folder", ["vit_perception", "tools", "launch"])
def test_no_module_is_over_300_lines(folder: str) -> None:
    lengths = {file: len(file.read_text().splitlines()) for file in (ROOT / folder).rglob("*.py")}
    long = {str(file.relative_to(ROOT)): length for file, length in lengths.items() if length > 300}
    assert not long, f"split by idea: {long}"


def test_one_version_everywhere() -> None:
    in_setup = re.search(r'version="([^"]+)"', (ROOT / "setup.py").read_text())
    assert in_setup is not None
    assert ElementTree.parse(ROOT / "package.xml").findtext("version") == in_setup[1]


def test_package_xml_names_every_ros_package_that_is_imported() -> None:
    root = ElementTree.parse(ROOT / "package.xml").getroot()
    assert root.get("format") == "3"
    declared = {element.text for element in root if element.tag.endswith("depend")}
    files = [
        file for folder in (PACKAGE, ROOT / "launch", ROOT / "examples") for file in folder.rglob("*.py")
    ]
    tops = {name.split(".")[0] for file in files for name in imported_names(file)}
    ros = {top for top in tops if top.endswith(("_msgs", "_interfaces"))}
    ros |= tops & {"rclpy", "launch", "launch_ros", "cv_bridge", "ament_index_python"}
    assert {"rclpy", "sensor_msgs"} <= ros
    assert ros <= declared, f"package.xml does not declare {sorted(ros - declared)}"


def test_every_executable_has_its_function() -> None:
    entries = re.findall(r"EXECUTABLES = \(([^)]+)\)", (ROOT / "setup.py").read_text())[0]
    for name in re.findall(r'"(\w+)"', entries):
        assert callable(getattr(executables, name)), f"nodes/executables.py has no {name}"
