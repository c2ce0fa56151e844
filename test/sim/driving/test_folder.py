"""The folder of a closed loop: what was done stays done, and drives of another question stay out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from sim.hand_made import room
from vit_perception.sim.driving.conditions import CONDITIONS
from vit_perception.sim.driving.episode import Episode, drive
from vit_perception.sim.driving.folder import Asked, Folder
from vit_perception.sim.driving.policies import LOCAL
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation

ASKED = Asked(2, 10, policies=("expert", "follow_the_gap"))
JOB = ASKED.jobs[0]


def an_episode() -> Episode:
    simulation = Simulation(room(start=(2.0, 0.0, 0.0)))
    route = Route(simulation.plan, simulation.world.goal)
    command = LOCAL["expert"](simulation, route, CONDITIONS["still"])
    return drive(simulation, route.distance((2.0, 0.0)), command)


def test_a_drive_is_written_down_and_drawn(tmp_path: Path) -> None:
    folder, episode = Folder(tmp_path, ASKED), an_episode()
    assert episode.success
    assert folder.done(JOB) is None
    folder.keep(JOB, episode, room())
    found = folder.done(JOB)
    assert found is not None
    assert (found.success, found.driven, found.spl) == (True, episode.driven, episode.spl)
    assert (tmp_path / "maps/still/expert/10.png").stat().st_size > 1000


def test_all_policies_drive_through_the_same_worlds() -> None:
    assert len(ASKED.jobs) == 2 * 2 * 2
    assert {job.seed for job in ASKED.jobs} == {10, 11}
    assert len({job.name for job in ASKED.jobs}) == 8
    assert [ASKED.kind(seed) for seed in (10, 11, 14)] == ["rooms", "office", "rooms"]


def test_the_same_folder_goes_on_with_more_worlds_but_not_with_others(tmp_path: Path) -> None:
    Folder(tmp_path, ASKED)
    Folder(tmp_path, dataclasses.replace(ASKED, worlds=5))
    with pytest.raises(ValueError, match="has drives with seed 10, not 11"):
        Folder(tmp_path, dataclasses.replace(ASKED, seed=11))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"worlds": 0}, "0 worlds are too few"),
        ({"conditions": ("foggy",)}, "'foggy' is no condition: choose from still"),
        ({"policies": ("luck",)}, "'luck' is no policy"),
        ({"kinds": ()}, "none is no kind"),
    ],
)
def test_what_cannot_be_driven_is_refused(change: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        dataclasses.replace(ASKED, **change)
