"""A navigator at the wheel while the expert labels: whose commands, whose labels, the same files again."""

from __future__ import annotations

import dataclasses
import math
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from sim.hand_made import box, room
from sim.rendering import need_renderer
from sim.test_record import SIZE, files_of
from vit_perception.data.label_space import read_label_space
from vit_perception.data.manifest import read_manifest
from vit_perception.data.open import open_dataset
from vit_perception.sim.driving import pilot
from vit_perception.sim.driving.conditions import Condition
from vit_perception.sim.driving.observation import Senses
from vit_perception.sim.driving.pilot import Pilot
from vit_perception.sim.expert import Expert
from vit_perception.sim.learner import Learner, Tally
from vit_perception.sim.record import Recording, record
from vit_perception.sim.recorder import name_of, record_world
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.wheel import Turns
from vit_perception.sim.world import World

ROOT = Path(__file__).resolve().parents[2]
DRIVER = ROOT / "test/fixtures/tiny_driver"


@pytest.fixture(autouse=True)
def _needs() -> None:
    need_renderer()
    pytest.importorskip("openvino")


def test_the_same_seed_gives_the_same_files_however_often_it_was_ended(tmp_path: Path) -> None:
    whole, parts, tally = tmp_path / "whole", tmp_path / "parts", Tally()
    recording = Recording(6, 3, ("rooms",), SIZE, Learner(DRIVER))
    assert record(recording, whole, workers=1, tally=tally) == 6
    record(Recording(2, 3, ("rooms",), SIZE, Learner(DRIVER)), parts, workers=1)
    assert record(recording, parts, workers=2) == 6
    assert files_of(whole) == files_of(parts)
    assert tally.drives == 1
    assert tally.commands == 10, "two for each frame but the last"
    assert list(open_dataset(whole).faults()) == []
    source = read_manifest(whole).source
    assert "tiny_driver" in source
    assert recording.learner.digest in source
    with pytest.raises(ValueError, match="frames of another driver"):
        record(Recording(6, 3, ("rooms",), SIZE), whole, workers=1)


def test_names_are_not_those_of_the_expert_but_the_world_is() -> None:
    learner = Learner(DRIVER)
    expert, own = name_of(3, "rooms", 7), name_of(3, "rooms", 7, learner)
    assert expert != own
    assert expert.split("/")[0] == own.split("/")[0], "training holds out folders"
    frames = [next(record_world(3, "rooms", SIZE, read_label_space(), each)) for each in (None, learner)]
    np.testing.assert_array_equal(frames[0].rgb, frames[1].rgb)
    assert frames[0].annotation.navigation.episode != frames[1].annotation.navigation.episode


def drive(
    share: float, steps: int, world: World | None = None
) -> tuple[Tally, Simulation, list[tuple[float, float]]]:
    """So many commands in an empty room, or in another world."""
    simulation = Simulation(world or room(), SIZE)
    route = Route(simulation.plan, simulation.world.goal)
    expert, tally = Expert(simulation.plan, route), Tally()
    turns = Turns(np.random.default_rng(0), simulation, route, expert, Learner(DRIVER, share), tally)
    track = []
    for _ in range(steps):
        turns(None)
        track.append((simulation.pose.x, simulation.pose.y))
    simulation.close()
    return tally, simulation, track


def test_the_navigator_gives_the_share_of_commands_that_was_asked_for() -> None:
    for share in (0.0, 0.3, 0.7, 1.0):
        stretches = list(islice(Learner(DRIVER, share).stretches(np.random.default_rng(1)), 4000))
        whole = sum(seconds for _, seconds in stretches)
        assert sum(seconds for own, seconds in stretches if own) / whole == pytest.approx(share, abs=0.03)
    alone, simulation, track = drive(1.0, 15)
    assert (alone.commands, alone.own) == (15, 15)
    assert alone.metres == pytest.approx(simulation.driven)
    nobody, _, other = drive(0.0, 15)
    assert (nobody.commands, nobody.own, nobody.metres) == (15, 0, 0.0)
    assert track != other


def test_the_navigator_drives_at_the_goal_by_its_wheels() -> None:
    simulation = Simulation(room(), SIZE)
    route = Route(simulation.plan, simulation.world.goal)
    senses, pilot = Senses(simulation, route, Condition()), Pilot(Learner(DRIVER).predictor)
    distances = []
    for _ in range(20):
        seen = senses.observe()
        distances.append(seen.to_goal[0])
        speed, turn = pilot.command(seen)
        bearing = seen.to_goal[1]
        if abs(bearing) > 0.3:
            assert turn * bearing >= 0
        simulation.step(speed, turn, 0.1)
    simulation.close()
    assert distances[-1] < distances[0] - 0.3


def test_labels_are_the_experts_where_the_navigator_got() -> None:
    space, learner = read_label_space(), Learner(DRIVER, 1.0)
    own = [one.annotation.navigation for one in islice(record_world(9, "rooms", SIZE, space, learner), 4)]
    first = next(record_world(9, "rooms", SIZE, space)).annotation.navigation
    np.testing.assert_array_equal(own[0].path, first.path)
    assert own[0].action == first.action
    assert own[-1].goal != own[0].goal, "it moved"
    # The way to take is around what stands there; the navigator's own path is straight to the goal.
    aside = [math.atan2(*one.path[-1][::-1]) - one.goal[1] for one in own]
    assert max(abs(math.remainder(angle, math.tau)) for angle in aside) > 0.2


def test_a_navigator_that_is_stuck_gets_help(monkeypatch: pytest.MonkeyPatch) -> None:
    # It may not turn away from the wall before it.
    monkeypatch.setattr(pilot, "ROBOT", dataclasses.replace(pilot.ROBOT, turn_in_place=False))
    blocked = room(box(0, 0, 0.2, 1.5), start=(-0.8, 0.0, 0.0), goal=(2.0, 0.0))
    tally, simulation, track = drive(1.0, 100, blocked)
    assert tally.collisions == 0
    assert 25 <= tally.commands - tally.own <= 31, "three seconds of help"
    assert simulation.driven > 1.0
    assert max(abs(y) for _, y in track) > 0.3, "the expert goes around"


def test_who_cannot_drive_is_refused() -> None:
    with pytest.raises(ValueError, match="give 0 to 1"):
        Learner(DRIVER, 1.5)
    with pytest.raises(ValueError, match="tiny is no navigator"):
        Learner(ROOT / "test/fixtures/tiny")
