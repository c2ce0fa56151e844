"""The name of the hub's model, and what is said where a model cannot be had."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vit_perception.hub.obtain import obtain_model

NAME = "hf:org/tiny"


def refusal(name: str = NAME) -> str:
    """What is said of a model that cannot be had, of which nothing is left."""
    store = Path(os.environ["VIT_PERCEPTION_MODELS"])
    with pytest.raises((ValueError, OSError)) as caught:
        obtain_model(name)
    # `*` finds the drafts, too.
    assert {each.name for each in store.glob("*")} <= {".lock"}
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert "Errno" not in said
    return said
