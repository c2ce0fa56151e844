"""Message definitions as bags carry them, made from the .msg files of the ROS packages installed here."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore


def definition(message_type: str) -> tuple[str, str]:
    """The `ros2msg` schema of `package/msg/Name`, nested types included, and its type hash (`RIHS01_…`).

    Raises:
        FileNotFoundError: a package is not installed; the message names it.
    """
    store = get_typestore(Stores.EMPTY)
    _register(store, message_type)
    return store.generate_msgdef(message_type, ros_version=2)[0], store.hash_rihs01(message_type)


def _register(store: Typestore, message_type: str) -> None:
    """Add a type and those of its fields to the store."""
    types = get_types_from_msg(_text(message_type), message_type)
    store.register(types)
    for _, fields in types.values():
        for _, field in fields:
            element: Any = field[1][0] if field[0] in (Nodetype.ARRAY, Nodetype.SEQUENCE) else field
            kind, name = element
            if kind == Nodetype.NAME and name not in store.fielddefs:
                _register(store, name)


def _text(message_type: str) -> str:
    package, _, name = message_type.split("/")
    prefixes = [entry for entry in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if entry]
    for prefix in (*prefixes, sys.prefix):
        path = Path(prefix, "share", package, "msg", f"{name}.msg")
        if path.is_file():
            return path.read_text()
    raise FileNotFoundError(
        f"share/{package}/msg/{name}.msg is in none of the ROS prefixes: "
        f"install the package {package} or source its setup"
    )
