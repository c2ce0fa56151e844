"""Message definitions as bags carry them: a type's .msg text and those of all types inside it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_SEPARATOR = "=" * 80
# What may follow a field's type: an array's bounds, a string's length.
_BOUNDS = re.compile(r"\[.*|<=.*")
_SIZED = frozenset(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))
_PRIMITIVES = _SIZED | {"bool", "byte", "char", "float32", "float64", "string", "wstring"}


def prefixes() -> list[Path]:
    """Where ROS packages are installed: AMENT_PREFIX_PATH, then this Python's own prefix."""
    listed = [Path(entry) for entry in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if entry]
    return [*listed, Path(sys.prefix)]


def _text(message_type: str) -> str:
    package, _, name = message_type.split("/")
    for prefix in prefixes():
        path = prefix / "share" / package / "msg" / f"{name}.msg"
        if path.is_file():
            return path.read_text()
    raise FileNotFoundError(
        f"share/{package}/msg/{name}.msg is in none of the ROS prefixes: "
        f"install the package {package} or source its setup"
    )


def _nested(message_type: str, text: str) -> list[str]:
    package = message_type.split("/")[0]
    found = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        kind = _BOUNDS.sub("", words[0]) if words else ""
        if kind and kind not in _PRIMITIVES:
            parts = kind.split("/")
            found.append(f"{parts[0] if len(parts) > 1 else package}/msg/{parts[-1]}")
    return found


def definition(message_type: str) -> str:
    """The `ros2msg` schema of `package/msg/Name`: its text, then each nested type's under a header.

    Raises:
        FileNotFoundError: a package is not installed; the message names it.
    """
    texts = {message_type: _text(message_type)}
    pending = [message_type]
    while pending:
        current = pending.pop(0)
        for nested in _nested(current, texts[current]):
            if nested not in texts:
                texts[nested] = _text(nested)
                pending.append(nested)
    blocks = [texts.pop(message_type)]
    for name, text in texts.items():
        package, _, short = name.split("/")
        blocks.append(f"{_SEPARATOR}\nMSG: {package}/{short}\n{text}")
    return "\n".join(blocks)
