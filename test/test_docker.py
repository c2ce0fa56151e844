"""What docker/ and .devcontainer/ name is there. `make docker-check` checks the images, where Docker is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from check_docker import IMAGES

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
# What .dockerignore lets through, after it has left out everything.
CONTEXT = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)


def stages() -> dict[str, list[tuple[str, str]]]:
    """Stage → its instructions: (name, all that follows)."""
    lines = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    found: dict[str, list[tuple[str, str]]] = {}
    for line in filter(None, lines):
        name, rest = line.split(maxsplit=1)
        if name == "FROM":
            found[rest.split(" AS ")[1]] = current = []
        current.append((name, rest))
    return found


def words(name: str) -> list[str]:
    """What follows each instruction of this name."""
    return [rest for stage in stages().values() for instruction, rest in stage if instruction == name]


def in_context(path: str) -> bool:
    return any(Path(path).is_relative_to(kept) for kept in CONTEXT) and (ROOT / path).exists()


def test_a_base_is_a_stage_or_has_the_tag_of_a_distribution() -> None:
    bases = [rest.split(" AS ")[0] for rest in words("FROM")]
    outside = [base for base in bases if base not in stages()]
    assert outside == ["ros:jazzy-ros-base-noble"]
    assert set(IMAGES) <= set(stages())


def test_what_is_copied_or_mounted_is_in_the_context() -> None:
    copied = [path for rest in words("COPY") for path in rest.split()[:-1]]
    mounted = re.findall(r"--mount=type=bind,source=([^,\s]+)", DOCKERFILE)
    assert {"docker/entrypoint.sh", "package.xml", "requirements"} == {*copied, *mounted}
    assert all(map(in_context, [*copied, *mounted]))
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


def test_requirements_are_there() -> None:
    named = re.findall(r"/tmp/(requirements/\S+)", " ".join(words("RUN")))
    assert len(named) == 5
    assert all(map(in_context, named))


def test_the_default_command_launches_perception() -> None:
    command = json.loads(words("CMD")[-1])
    assert command[:3] == ["ros2", "launch", "vit_perception"]
    assert (ROOT / "launch" / command[3]).is_file()
    workspace = Path(words("WORKDIR")[-1])
    assert json.loads(words("ENTRYPOINT")[-1]) == [str(workspace / "entrypoint.sh")]


@pytest.mark.parametrize("image", IMAGES)
def test_images_do_not_run_as_root(image: str) -> None:
    users = [rest for name, rest in stages()[image] if name == "USER"]
    assert users[-1].isdigit()
    assert int(users[-1]) > 0


def test_the_devcontainer_is_a_stage_with_an_environment_of_its_own() -> None:
    folder = ROOT / ".devcontainer"
    settings = json.loads((folder / "devcontainer.json").read_text())
    build = settings["build"]
    assert (folder / build["dockerfile"]).resolve() == ROOT / "docker" / "Dockerfile"
    assert (folder / build["context"]).resolve() == ROOT
    assert build["target"] in stages()
    # The checkout is the host's, and so is `.venv`.
    assert re.fullmatch(r"\.venv.+", settings["containerEnv"]["VENV"])
    target = re.search(r"make ([a-z-]+)", settings["postCreateCommand"])
    assert target is not None
    assert f"\n{target[1]}:" in (ROOT / "Makefile").read_text()


def test_without_docker_the_check_says_so_and_fails(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "tools" / "check_docker.py", "cpu"],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == "No image was built or checked: no Docker runs here (`docker info` fails).\n"
