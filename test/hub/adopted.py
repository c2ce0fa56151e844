"""A publisher's folder, adopted and loaded as a command does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vit_perception.hub.build import build_public
from vit_perception.hub.obtain import obtain_model
from vit_perception.runtime.predictor import Predictor


def predictor_of(folder: Path, *arguments: Any, **named: Any) -> Predictor:
    """Arguments as of `Predictor`."""
    return Predictor(obtain_model(folder), *arguments, build_public=build_public, **named)
