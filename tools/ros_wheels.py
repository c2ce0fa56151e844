"""Builds interface packages against ROS 2 from wheels, into the virtual environment itself.

The wheels' start-up hook puts `<environment>/lib` on LD_LIBRARY_PATH of every Python, and Python finds
`<environment>/lib/python3.X/site-packages` anyway. A package installed with the environment as its prefix
therefore works, in child processes too, without a file to source.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path

from progress import run

# Folders of the machine on which the wheels were built, as they are written in their CMake exports.
_INCLUDE = re.compile(r"/opt/python/[^/;\"]+/include/python3\.\d+")
_SITE_PACKAGES = re.compile(r"/opt/python/[^/;\"]+/lib/python3\.\d+/site-packages")


def missing_compiler() -> str | None:
    """What this machine lacks for building interfaces, with the remedy; None if nothing."""
    compiler = os.environ.get("CXX", "c++")
    if shutil.which(compiler.split()[0]) is None:
        return (
            f"no C++ compiler ({compiler}): the generated message code needs one beside the C compiler; "
            "install g++ (Debian and Ubuntu: apt install build-essential) or set CXX"
        )
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.is_file():
        return f"no {header}: install Python's headers (Debian and Ubuntu: apt install python3-dev)"
    return None


def build_environment(venv: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment variables with which CMake and colcon find the wheels and no other workspace."""
    path = os.pathsep.join([str(venv / "bin"), environment.get("PATH", "")])
    prefixes = {"AMENT_PREFIX_PATH": str(venv), "CMAKE_PREFIX_PATH": str(venv), "COLCON_PREFIX_PATH": ""}
    return {**environment, **prefixes, "PATH": path, "VIRTUAL_ENV": str(venv)}


def correct_exported_paths(venv: Path) -> int:
    """Make the wheels' CMake exports name this environment's Python; gives the number of files changed."""
    python = venv / "bin" / "python"
    query = "import sysconfig; print(sysconfig.get_path('include'), sysconfig.get_path('purelib'), sep='\\n')"
    output = subprocess.run([python, "-c", query], check=True, capture_output=True, text=True).stdout
    include, site_packages = output.splitlines()
    changed = 0
    for file in venv.glob("share/*/cmake/*.cmake"):
        text = file.read_text()
        corrected = _SITE_PACKAGES.sub(site_packages, _INCLUDE.sub(include, text))
        if corrected != text:
            file.write_text(corrected)
            changed += 1
    return changed


def build_interfaces(venv: Path, source: Path, log: Path) -> None:
    """Build one interface package with colcon and install it with `venv` as its prefix.

    Raises:
        StepFailed: colcon ended with an error.
    """
    correct_exported_paths(venv)
    python = venv / "bin" / "python"
    with tempfile.TemporaryDirectory(prefix="vit_perception_build_") as folder:
        command = [
            *(str(python), "-m", "colcon", "--log-base", f"{folder}/log"),
            *("build", "--paths", str(source), "--build-base", f"{folder}/build"),
            *("--merge-install", "--install-base", str(venv), "--event-handlers", "console_direct+"),
            *("--cmake-args", f"-DPython3_EXECUTABLE={python}", "-DBUILD_TESTING=OFF", "-GNinja"),
            *("-DCMAKE_BUILD_TYPE=Release", "--no-warn-unused-cli"),
        ]
        run(f"building {source.name} with colcon", command, log, build_environment(venv))
