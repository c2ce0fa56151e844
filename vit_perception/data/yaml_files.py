"""YAML files of people, whose mistakes are named in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not YAML; the message names the file and the line.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise not_yaml(path, error) from None


def not_yaml(path: Path, error: Exception) -> ValueError:
    """The error that says in one sentence why a file is not YAML."""
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or str(error)
    place = f" on line {mark.line + 1}" if mark is not None else ""
    return ValueError(f"{path} is not YAML: {' '.join(reason.split())}{place}")
