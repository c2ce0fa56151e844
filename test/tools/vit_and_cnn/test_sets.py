"""Sets of pictures: labels that follow from the floor, as many of each, and no scene in two of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: make test installs it")

from vit_and_cnn.plan import Plan
from vit_and_cnn.sets import (
    Pictures,
    action_of,
    check_apart,
    coarse_distances,
    make_sets,
    picture,
    read_set,
    render_set,
    write_set,
)
from vit_perception.training.targets import ACTIONS

EVERY = frozenset(range(len(ACTIONS)))


@pytest.mark.parametrize(
    ("free", "action"),
    [
        ((10, 10, 10), "forward"),
        ((0, 10, 0), "forward"),
        ((10, 0, 0), "turn_left"),
        ((8, 0, 10), "turn_right"),
        ((1, 0, 3), "stop"),
        ((10, 0, 10), None),  # either side
        ((10, 5, 0), None),  # half of the middle
        ((0, 0, 5), None),
    ],
)
def test_the_way_is_where_the_floor_is(free, action):
    floor = np.zeros((20, 30), bool)
    for third, columns in enumerate(free):
        floor[:, 10 * third : 10 * third + columns] = True
    found = action_of(floor)
    assert (None if found is None else ACTIONS[found]) == action


def test_distances_of_cells_are_mean_logarithms():
    distance = np.ones((12, 16), np.float32)
    distance[:2, :2] = [[1, np.e], [np.e, np.e**2]]
    cells = coarse_distances(distance)
    assert cells.shape == (6, 8)
    assert cells[0, 0] == pytest.approx(1.0)
    assert np.abs(cells).sum() == pytest.approx(1.0)


def test_every_action_is_equally_frequent_and_true():
    with ThreadPoolExecutor(1) as pool:
        pictures = render_set("choose", 8, pool)
    assert np.bincount(pictures.actions).tolist() == [2, 2, 2, 2]
    rendered, action = picture(int(pictures.seeds[5]), EVERY)
    assert action == pictures.actions[5]
    assert np.array_equal(rendered.rgb, pictures.rgb[5])
    assert action_of(rendered.floor) == action


def test_a_glance_tells_what_is_not_wanted():
    found = {seed: picture(seed, EVERY) for seed in range(24)}
    actions = {seed: ACTIONS[answer[1]] for seed, answer in found.items() if answer is not None}
    wanted = EVERY - {ACTIONS.index("forward")}
    right = [(picture(seed, wanted) is not None) == (action != "forward") for seed, action in actions.items()]
    assert set(actions.values()) > {"forward"}
    assert sum(right) >= len(right) - 2


def test_sets_never_share_a_scene_and_are_kept(tmp_path):
    plan = Plan(distances=5, train=4, choose=4, report=4)
    with ThreadPoolExecutor(1) as pool:
        sets = make_sets(plan, tmp_path, pool)
        times = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npy")}
        again = make_sets(plan, tmp_path, pool)
    assert [len(pictures) for pictures in again.values()] == [5, 4, 4, 4]
    assert len({int(seed) for pictures in sets.values() for seed in pictures.seeds}) == 17
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npy")} == times


def test_a_scene_in_two_sets_is_refused(tmp_path):
    def pictures(*seeds: int) -> Pictures:
        count = len(seeds)
        return Pictures(
            np.zeros((count, 12, 16, 3), np.uint8),
            np.zeros(count, np.int64),
            np.zeros((count, 6, 8), np.float32),
            np.array(seeds),
        )

    check_apart({"train": pictures(1, 2), "report": pictures(3)})
    with pytest.raises(ValueError, match="scene 2 is in train and in report"):
        check_apart({"train": pictures(1, 2), "report": pictures(2)})
    write_set(pictures(4, 5), tmp_path)
    assert read_set(tmp_path).seeds.tolist() == [4, 5]
