"""`colcon build` installs what `ros2 run`, `ros2 launch` and a shell look for."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODES = {"classifier", "detector", "segmenter", "navigator", "depth", "attention", "suite", "simulator"}
# What an image is built from, which therefore has to be enough.
CONTEXT = re.findall(r"^!([^/\s]+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)


def build(workspace: Path, *options: str) -> Path:
    """Build the package from links to the checkout; gives its install folder."""
    if importlib.util.find_spec("colcon_core") is None:
        pytest.skip("colcon is not installed")
    source = workspace / "src" / "vit_perception"
    source.mkdir(parents=True)
    for name in CONTEXT:
        (source / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "colcon", "build", "--paths", "src/vit_perception", *options]
    result = subprocess.run(command, cwd=workspace, capture_output=True, text=True)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return workspace / "install" / "vit_perception"


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def linked_prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("linked_workspace"), "--symlink-install")


def test_executables_are_where_ros2_run_looks(prefix: Path) -> None:
    installed = {path.name for path in (prefix / "lib/vit_perception").iterdir() if os.access(path, os.X_OK)}
    assert installed == {*NODES, "vit-perception"}


def test_the_package_is_in_the_index(prefix: Path) -> None:
    assert (prefix / "share/ament_index/resource_index/packages/vit_perception").is_file()
    assert (prefix / "share/vit_perception/package.xml").is_file()


@pytest.mark.parametrize("folder", ["launch", "config", "models", "examples"])
def test_share_has_every_file_of(folder: str, prefix: Path) -> None:
    source = ROOT / folder
    expected = {
        path.relative_to(source)
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    share = prefix / "share/vit_perception" / folder
    installed = {path.relative_to(share) for path in share.rglob("*") if path.is_file()}
    assert installed == expected


def test_the_package_is_complete(prefix: Path) -> None:
    source = ROOT / "vit_perception"
    installed = next(prefix.glob("lib/python3*/site-packages")) / "vit_perception"
    expected = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    missing = {path for path in expected if path.suffix != ".pyc" and not (installed / path).is_file()}
    assert not missing


@pytest.mark.parametrize("kind", ["prefix", "linked_prefix"])
def test_presets_are_found(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    prefix: Path = request.getfixturevalue(kind)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    script = """
source "$1/setup.bash"
"$2" -c 'from vit_perception.nodes.launch_plan import ARGUMENTS
print(*next(argument.choices for argument in ARGUMENTS if argument.name == "preset"), sep="\\n")'
"""
    result = subprocess.run(
        ["bash", "-ec", script, "bash", prefix.parent, sys.executable],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    expected = sorted(file.stem for file in (ROOT / "config/presets").iterdir())
    assert result.stdout.splitlines() == ["", *expected]


@pytest.mark.parametrize("kind", ["prefix", "linked_prefix"])
def test_the_command_is_on_path_once_the_workspace_is_sourced(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    prefix: Path = request.getfixturevalue(kind)
    # Without the checkout, which would hide what the workspace lacks.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    script = """
source "$1/setup.bash"
command -v vit-perception
"$2" -c 'import vit_perception; print(vit_perception.__path__[0])'
vit-perception --help
"""
    result = subprocess.run(
        ["bash", "-ec", script, "bash", prefix.parent, sys.executable],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    command, package, *usage = result.stdout.splitlines()
    assert command == str(prefix / "bin/vit-perception")
    assert Path(package).is_relative_to(prefix.parents[1])
    assert any("replay" in line for line in usage)


def test_the_entrypoint_of_the_images_runs_a_command_in_the_workspace(prefix: Path, tmp_path: Path) -> None:
    entrypoint = prefix.parents[1] / "entrypoint.sh"
    shutil.copy(ROOT / "docker" / "entrypoint.sh", entrypoint)
    ours = ("PYTHONPATH", "FAST", "RMW_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    script = 'command -v vit-perception && env | grep ^FAST && echo "$@"'
    result = subprocess.run(
        [entrypoint, "bash", "-c", script, "bash", "a b"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    command, *transport, arguments = result.stdout.splitlines()
    assert command == str(prefix / "bin/vit-perception")
    assert transport
    assert arguments == "a b"
