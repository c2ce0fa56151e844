"""What to install where a library that adopts or encodes for a public model is missing."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path


def install_hint() -> str:
    """The command, for this Python. Ubuntu 24.04's own refuses to install beside apt (PEP 668)."""
    in_checkout = "or make hub-setup in the checkout"
    if _externally_managed():
        file = "src/vit_perception/requirements/adopt.txt"
        return f"pip install --break-system-packages -r {file}, {in_checkout}"
    return f"pip install './src/vit_perception[hub]', {in_checkout}"


def _externally_managed() -> bool:
    in_environment = sys.prefix != sys.base_prefix
    return not in_environment and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").is_file()
