"""The set-up's decisions: which steps, when again, and that every package is pinned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from progress import StepFailed, run
from ros_wheels import build_environment, missing_compiler
from setup_env import Environment, Stamps, Step, requirement_files, set_up

ROOT = Path(__file__).resolve().parents[2]
# For robots, whose other packages come from apt: ranges.
ADOPT = ROOT / "requirements" / "adopt.txt"
FILES = sorted(set((ROOT / "requirements").glob("*.txt")) - {ADOPT})


def names(environment: Environment, *extras: str) -> list[str]:
    return [step.name for step in environment.steps(extras)]


def test_without_a_distribution_ros_comes_from_wheels_and_interfaces_are_built(tmp_path: Path) -> None:
    environment = Environment(tmp_path, None)
    assert names(environment) == ["python", "packages", "vision_msgs", "tf2_msgs", "project"]
    packages = environment.steps()[1].inputs
    assert set(requirement_files("ros", "base", "runtime", "demo", "build")) <= set(packages)


def test_a_distribution_is_checked_and_nothing_of_it_is_installed_or_built(tmp_path: Path) -> None:
    environment = Environment(tmp_path, "jazzy")
    assert names(environment) == ["python", "distribution", "packages", "project"]
    assert not set(requirement_files("ros", "build")) & set(environment.steps()[2].inputs)


@pytest.mark.parametrize("distro", [None, "jazzy"])
def test_torch_is_only_installed_when_asked_for(distro: str | None, tmp_path: Path) -> None:
    environment = Environment(tmp_path, distro)
    train = requirement_files("train")[0]
    assert "torch==" in train.read_text()
    assert all(train not in step.inputs for step in environment.steps())
    assert any(train in step.inputs for step in environment.steps(["train"]))
    assert names(environment, "dev", "train")[-3:] == ["dev", "train", "weights"]


def test_a_step_is_done_again_when_an_input_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("setup_env.ROOT", tmp_path)
    pins = tmp_path / "pins.txt"
    pins.write_text("numpy==2.0.0\n")
    done: list[str] = []
    step = Step("packages", (pins,), lambda: done.append(pins.read_text()))
    environment = Environment(tmp_path / "venv", None)
    monkeypatch.setattr(environment, "steps", lambda extras: [step])
    set_up(environment, [])
    set_up(environment, [])
    assert done == ["numpy==2.0.0\n"]
    pins.write_text("numpy==2.0.1\n")
    set_up(environment, [])
    assert done[1:] == ["numpy==2.0.1\n"]


def test_a_step_that_failed_is_not_remembered(tmp_path: Path) -> None:
    environment = Environment(tmp_path, None)

    def fail() -> None:
        raise StepFailed("no")

    step = Step("packages", (), fail)
    environment.steps = lambda extras=(): [step]  # type: ignore[method-assign]
    with pytest.raises(StepFailed):
        set_up(environment, [])
    assert not Stamps(environment).fresh(step)


def test_another_distribution_starts_anew(tmp_path: Path) -> None:
    step = Step("python", (), lambda: None)
    Stamps(Environment(tmp_path, None)).set(step)
    assert Stamps(Environment(tmp_path, None)).fresh(step)
    assert not Stamps(Environment(tmp_path, "jazzy")).fresh(step)


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    keep = tmp_path / "thesis.txt"
    keep.write_text("years")
    with pytest.raises(StepFailed, match="something else than a virtual environment"):
        Environment(tmp_path, "jazzy").steps()[0].action()
    assert keep.read_text() == "years"


def test_a_distribution_without_its_packages_is_named_with_the_remedy(tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv", "nowhere")
    python, distribution = environment.steps()[:2]
    python.action()
    # An interpreter that can import nothing stands in for a distribution without its packages.
    environment.python.unlink()
    environment.python.write_text("#!/bin/sh\necho 'ModuleNotFoundError: nothing here' >&2\nexit 1\n")
    environment.python.chmod(0o755)
    with pytest.raises(StepFailed, match=r"cannot import rclpy \(.*nothing here\): run rosdep install"):
        distribution.action()


def test_a_missing_compiler_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler -O2")
    assert "install g++" in (missing_compiler() or "")


def test_interfaces_are_built_against_the_wheels_alone() -> None:
    workspace = {"AMENT_PREFIX_PATH": "/elsewhere", "CMAKE_PREFIX_PATH": "/elsewhere", "PATH": "/bin"}
    environment = build_environment(Path("/venv"), workspace)
    assert environment["AMENT_PREFIX_PATH"] == environment["CMAKE_PREFIX_PATH"] == "/venv"
    assert environment["PATH"] == "/venv/bin:/bin"


def test_a_failing_command_shows_the_end_of_its_output(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "setup.log"
    with pytest.raises(StepFailed, match=r"(?s)the reason\nasking failed \(exit code 3\)") as failure:
        run("asking", ["sh", "-c", "echo the reason; exit 3"], log)
    assert str(log) in str(failure.value)


def requirements(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if line and not line.startswith("#")]


def test_the_pins_are_in_the_ranges_for_robots() -> None:
    ranges = {requirement.name: requirement for requirement in map(Requirement, requirements(ADOPT))}
    assert not {"numpy", "opencv-python", "opencv-python-headless"} & set(ranges), "apt's have to stay"
    for pin in (Requirement(line) for file in FILES for line in requirements(file)):
        if wanted := ranges.get(pin.name):
            version = str(pin.specifier).removeprefix("==")
            assert wanted.specifier.contains(version), f"{pin} is outside of {wanted}: adapt adopt.txt"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_requirement_is_pinned(file: Path) -> None:
    lines = requirements(file)
    assert lines
    for line in lines:
        assert re.fullmatch(r'[A-Za-z0-9_.-]+==[0-9][^ ;]*(; python_version (<|>=) "3\.11")?', line), line
