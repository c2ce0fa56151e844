"""Figures of drives, worked out by hand."""

from __future__ import annotations

import pytest

from vit_perception.sim.driving.episode import Episode
from vit_perception.sim.driving.report import figures, summary, table


def drove(success: bool = True, collisions: int = 0, driven: float = 10.0) -> Episode:
    return Episode(1, "rooms", success, collisions, driven, shortest=8.0, seconds=20.0)


def test_spl_is_the_share_of_the_shortest_way_and_nothing_for_a_failure() -> None:
    assert drove().spl == pytest.approx(0.8)
    assert drove(driven=7.9).spl == 1.0
    assert drove(success=False).spl == 0.0


def test_figures_are_those_of_all_drives() -> None:
    found = figures([drove(), drove(collisions=3, driven=20.0), drove(success=False, driven=30.0), drove()])
    assert found["worlds"] == 4
    assert found["success"] == 0.75
    assert found["spl"] == pytest.approx((0.8 + 0.4 + 0.8) / 4)
    assert found["metres_per_collision"] == pytest.approx(70 / 3, abs=1e-3)
    assert found["seconds"] == 20
    low, high = found["intervals"]["success"]
    assert low <= 0.5 < 0.75 < high <= 1


def test_without_a_collision_all_metres_are_the_least() -> None:
    found = figures([drove(), drove()])
    assert found["metres_per_collision"] == 20
    assert "> 20" in table(summary({"still": {"expert": [drove(), drove()]}}, "expert"))


def test_intervals_are_narrow_where_all_drives_are_alike() -> None:
    assert figures([drove()] * 5)["intervals"]["spl"] == [0.8, 0.8]


def test_the_summary_has_the_judged_policy_by_condition_and_all_beside_it() -> None:
    drives = {
        "still": {"navigator": [drove()], "follow_the_gap": [drove(False)]},
        "people": {"navigator": [drove(False)], "follow_the_gap": []},
    }
    found = summary(drives, "navigator")
    assert found["conditions"]["still"]["success"] == 1.0
    assert found["conditions"]["people"]["success"] == 0.0
    assert list(found["policies"]["follow_the_gap"]) == ["still"]
    assert len(table(found).splitlines()) == 2 + 3
