"""Conditions change what the camera sees and when depth dies, and nothing else."""

from __future__ import annotations

import dataclasses
import math

import pytest

from sim.hand_made import LOOK, room
from vit_perception.sim.driving.conditions import CONDITIONS


@pytest.mark.parametrize(
    ("condition", "start", "before", "after"),
    [("still", True, True, True), ("rgb_only", False, False, False), ("depth_dies", True, True, False)],
)
def test_depth_is_there_as_long_as_the_condition_says(
    condition: str, start: bool, before: bool, after: bool
) -> None:
    has = CONDITIONS[condition].has_depth
    assert (has(0.0), has(0.49), has(0.51)) == (start, before, after)
    assert has(1.01) is (condition == "still")


def test_a_darker_camera_that_looks_lower() -> None:
    world = room()
    seen = CONDITIONS["dark_tilted"].seen(world)
    assert seen.look.exposure == pytest.approx(0.9 * LOOK.exposure)
    assert seen.look.camera_pitch == pytest.approx(math.radians(3))
    assert dataclasses.replace(seen, look=LOOK) == world


def test_only_among_people_are_there_people() -> None:
    assert {name for name, condition in CONDITIONS.items() if condition.people} == {"people"}
