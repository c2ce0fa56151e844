"""What to install where a library is missing, as it works in the Python that is running."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

# Requirements by extra of setup.py, where the file is not called as the extra.
_FILES = {"hub": "adopt.txt"}


def pip_install(what: str) -> str:
    """The command that installs packages. Ubuntu 24.04's own Python refuses to install beside apt (PEP 668)
    unless it is told to."""
    return f"pip install {'--break-system-packages ' if _externally_managed() else ''}{what}"


def install_extra(extra: str) -> str:
    """The command that installs what an extra of setup.py needs."""
    if _externally_managed():  # the package itself is there, built by colcon
        file = _FILES.get(extra, f"{extra}.txt")
        return pip_install(f"-r src/vit_perception/requirements/{file}")
    return pip_install(f"'./src/vit_perception[{extra}]'")


def install_hint() -> str:
    """What to do where a library that adopts or encodes for a public model is missing."""
    return f"{install_extra('hub')}, or make hub-setup in the checkout"


def _externally_managed() -> bool:
    in_environment = sys.prefix != sys.base_prefix
    return not in_environment and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").is_file()
