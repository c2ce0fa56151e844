"""Skips what needs the renderer, with the sentence that says how to get it."""

from __future__ import annotations

import pytest

from vit_perception.sim.mujoco_library import load_mujoco


def need_renderer() -> None:
    try:
        load_mujoco()
    except RuntimeError as error:
        pytest.skip(str(error))
