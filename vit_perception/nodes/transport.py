"""Environment variables with which Fast DDS carries large images. Does not import rclpy."""

from __future__ import annotations

import os
from pathlib import Path

TRANSPORTS = "FASTDDS_BUILTIN_TRANSPORTS"
# The second name is that of Fast DDS before 3.0, which Jazzy has.
PROFILES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
# Variables that choose the transport. Where a user has set one of them, it is left alone.
VARIABLES = (TRANSPORTS, *PROFILES)

_PROFILE = Path(__file__).with_name("fast_dds.xml")
_SHARED_MEMORY = Path("/dev/shm")
# The profile gives each process up to 24 MiB. A process that runs out of shared memory crashes.
_LEAST_SHARED_MEMORY = 256 * 1024 * 1024

_LARGEST_MESSAGE = 4 * 1024 * 1024  # holds a 1280x720 colour image in one piece
_KERNEL_LIMITS = (Path("/proc/sys/net/core/rmem_max"), Path("/proc/sys/net/core/wmem_max"))
_KERNEL_DEFAULT = 212_992


def large_image_environment() -> dict[str, str]:
    """Variables for every process that publishes or receives images of a megabyte or more.

    They are read when rclpy starts. Images then go through shared memory that holds several of them, or, in a
    container that has too little of it, through sockets with buffers as large as the kernel allows.

    Returns:
        The variables, which are none if the user has set one of them or the middleware is not Fast DDS.
    """
    middleware = os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    if "fastrtps" not in middleware or any(os.environ.get(name) for name in VARIABLES):
        return {}
    if _free_bytes(_SHARED_MEMORY) >= _LEAST_SHARED_MEMORY:
        return dict.fromkeys(PROFILES, str(_PROFILE))
    # Fast DDS does not start with messages larger than the kernel's socket buffers.
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
    """Largest socket buffer in bytes; the usual one where a container does not show it."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return _KERNEL_DEFAULT
