"""The environment in which images of a megabyte and more arrive between Python processes. Knows no rclpy."""

from __future__ import annotations

import os
from pathlib import Path

TRANSPORTS = "FASTDDS_BUILTIN_TRANSPORTS"
# The second name is that of Fast DDS before 3.0, which Jazzy has.
PROFILES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
# What decides how images travel. A user who sets any of these has a configuration that must win.
VARIABLES = (TRANSPORTS, *PROFILES)

_PROFILE = Path(__file__).with_name("fast_dds.xml")
_SHARED_MEMORY = Path("/dev/shm")
# The profile gives each process 24 MiB, of which it takes what it uses. Running out would be fatal.
_LEAST_SHARED_MEMORY = 256 * 1024 * 1024

_LARGEST_MESSAGE = 4 * 1024 * 1024  # holds a 1280x720 colour image in one piece
_KERNEL_LIMITS = (Path("/proc/sys/net/core/rmem_max"), Path("/proc/sys/net/core/wmem_max"))
_KERNEL_DEFAULT = 212_992


def large_image_environment() -> dict[str, str]:
    """Variables to set for every process that sends or gets images, before rclpy starts in it.

    Shared memory that holds a burst of them; where a container has too little of it, sockets as large
    as the kernel allows. Empty where the user chose already, or the middleware is not Fast DDS.
    """
    middleware = os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    if "fastrtps" not in middleware or any(os.environ.get(name) for name in VARIABLES):
        return {}
    if _free_bytes(_SHARED_MEMORY) >= _LEAST_SHARED_MEMORY:
        return dict.fromkeys(PROFILES, str(_PROFILE))
    # A message size beyond the kernel's socket buffers keeps Fast DDS from starting at all.
    message = min(_LARGEST_MESSAGE, *map(_kernel_limit, _KERNEL_LIMITS))
    return {
        TRANSPORTS: f"LARGE_DATA?max_msg_size={message}B&sockets_size={2 * message}B&non_blocking=true",
    }


def _free_bytes(folder: Path) -> int:
    try:
        state = os.statvfs(folder)
    except OSError:
        return 0
    return state.f_bavail * state.f_frsize


def _kernel_limit(path: Path) -> int:
    """Bytes that a socket buffer may have; where it is not said, as in some containers, the usual."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return _KERNEL_DEFAULT
