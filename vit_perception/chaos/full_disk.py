"""A file system of a megabyte that is full: for the suite's own files, and seen by nobody else."""

from __future__ import annotations

import subprocess
from pathlib import Path

from vit_perception.chaos.suite import Start
from vit_perception.runtime.engines.cache import CACHE_VARIABLE

# As an ordinary user, in a name space of mounts. What is mounted goes with its last process.
_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
_MOUNT = 'mount -t tmpfs -o size=1m tmpfs "$0"'
# A page at a time, or the last one stays free. The process keeps its number, to which signals go.
_FILL = 'dd if=/dev/zero of="$0/full" bs=4k 2> /dev/null; exec "$@"'


def can_mount(folder: Path) -> bool:
    """Whether a file system can be mounted here, without other rights than a user has."""
    try:
        return not subprocess.run([*_NAMESPACE, _MOUNT, str(folder)], capture_output=True).returncode
    except FileNotFoundError:
        return False


def on_full_disk(folder: Path) -> Start:
    """A start with cache and log on it.

    Args:
        folder: over which it is mounted, for this process alone.
    """
    environment = {CACHE_VARIABLE: str(folder), "ROS_LOG_DIR": str(folder)}
    return Start(environment, (*_NAMESPACE, f"{_MOUNT} && {_FILL}", str(folder)))
