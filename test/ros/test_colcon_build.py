"""`colcon build` installs what `ros2 run` and `ros2 launch` look for."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODES = {"classifier", "detector", "segmenter", "navigator", "depth", "attention", "suite"}
# What a build makes or does not need, and the environments, which are large.
IGNORED = {".git", ".venv", "build", "install", "log", "out", "test"}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's install folder, built from links to the checkout in a workspace of its own."""
    if importlib.util.find_spec("colcon_core") is None:
        pytest.skip("colcon is not installed")
    workspace = tmp_path_factory.mktemp("workspace")
    source = workspace / "src" / "vit_perception"
    source.mkdir(parents=True)
    for entry in ROOT.iterdir():
        if entry.name not in IGNORED:
            (source / entry.name).symlink_to(entry)
    command = [sys.executable, "-m", "colcon", "build", "--paths", "src/vit_perception"]
    result = subprocess.run(command, cwd=workspace, capture_output=True, text=True)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return workspace / "install" / "vit_perception"


def test_executables_are_where_ros2_run_looks(prefix: Path) -> None:
    installed = {path.name for path in (prefix / "lib/vit_perception").iterdir() if os.access(path, os.X_OK)}
    assert installed == {*NODES, "vit-perception"}


def test_the_package_is_in_the_index(prefix: Path) -> None:
    assert (prefix / "share/ament_index/resource_index/packages/vit_perception").is_file()
    assert (prefix / "share/vit_perception/package.xml").is_file()


@pytest.mark.parametrize("folder", ["launch", "config", "models"])
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


def test_an_installed_executable_starts(prefix: Path) -> None:
    site_packages = next(prefix.glob("lib/python3*/site-packages"))
    search_path = os.pathsep.join([str(site_packages), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [prefix / "lib/vit_perception/vit-perception", "--help"],
        env={**os.environ, "PYTHONPATH": search_path},
        cwd=prefix,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "replay" in result.stdout
