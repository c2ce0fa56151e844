"""Worlds by seed: the same each time, no two alike, each with a way to its goal."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from vit_perception.data.label_space import read_label_space
from vit_perception.runtime.planar import Pose
from vit_perception.sim.plan import Plan
from vit_perception.sim.robot import CLEARANCE, HEIGHT, RADIUS
from vit_perception.sim.route import Route
from vit_perception.sim.world import KINDS, World
from vit_perception.sim.worlds.make import LEAST_WAY, make_world

_LEAST_THINGS = 20


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [make_world(seed, kind) for kind in KINDS for seed in range(3)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_world_to_the_byte(kind: str) -> None:
    assert pickle.dumps(make_world(7, kind)) == pickle.dumps(make_world(7, kind))


def test_no_two_seeds_have_one_layout(worlds: list[World]) -> None:
    others = [make_world(seed, "warehouse", people=False) for seed in range(3, 12)]
    layouts = {tuple((solid.shape, solid.centre, solid.half) for solid in w.solids) for w in worlds + others}
    assert len(layouts) == len(worlds) + len(others)


def test_without_people_all_else_is_the_same(worlds: list[World]) -> None:
    still = make_world(1, "office", people=False)
    peopled = worlds[KINDS.index("office") * 3 + 1]
    assert still.walkers == ()
    assert pickle.dumps((still.solids, still.look, still.start, still.goal)) == pickle.dumps(
        (peopled.solids, peopled.look, peopled.start, peopled.goal)
    )


def test_the_robot_stands_free_and_can_reach_a_goal_that_is_far_enough(worlds: list[World]) -> None:
    for world in worlds:
        plan = Plan(world)
        assert not plan.collides(Pose(*world.start)), (world.kind, world.seed)
        assert not plan.collides(Pose(*world.goal, 0.0)), (world.kind, world.seed)
        assert LEAST_WAY <= Route(plan, world.goal).distance(world.start[:2]) < math.inf


def test_people_walk_where_nothing_stands_and_begin_away_from_the_robot(worlds: list[World]) -> None:
    walkers = [(world, walker) for world in worlds for walker in world.walkers]
    assert len(walkers) > len(worlds)
    for world, walker in walkers:
        places = np.array([walker.at(second)[:2] for second in np.arange(0, 60, 0.5)])
        assert Plan(world).clearance(places).min() > walker.radius - 0.05, (world.kind, world.seed)
        assert np.hypot(*(places[0] - world.start[:2])) > walker.radius + RADIUS + 1


def test_things_have_labels_of_the_label_space_and_materials_that_exist(worlds: list[World]) -> None:
    space = read_label_space()
    for world in worlds:
        assert len(world.things) > _LEAST_THINGS
        assert {solid.thing for solid in world.solids} == set(range(len(world.things)))
        assert max(solid.material for solid in world.solids) < len(world.look.materials)
        labels = {thing.label for thing in world.things} | {world.ground.label}
        assert all(space.find(label) is not None for label in labels - {""}), labels


def test_there_are_thin_legs_and_things_above_and_below_the_robots_height(worlds: list[World]) -> None:
    for kind in ("rooms", "office", "warehouse"):
        solids = [solid for world in worlds if world.kind == kind for solid in world.solids]
        bottoms = np.array([solid.centre[2] - solid.half[2] for solid in solids])
        tops = np.array([solid.centre[2] + solid.half[2] for solid in solids])
        thin = np.array([max(solid.half[:2]) < 0.05 for solid in solids])
        assert (thin & (bottoms < CLEARANCE) & (tops > 0.3)).any(), kind
        assert ((bottoms > HEIGHT) & (bottoms < 1.0)).any(), kind


def test_yards_have_slopes_that_a_robot_can_drive(worlds: list[World]) -> None:
    for world in worlds:
        x, y = np.meshgrid(np.arange(0, world.bounds[2], 0.5), np.arange(0, world.bounds[3], 0.5))
        slopes = np.linalg.norm(world.ground.gradient(np.stack([x, y], axis=-1)), axis=-1)
        assert (slopes.max() > 0.02) == (world.kind == "yard")
        assert slopes.max() < 0.17


def test_the_seed_chooses_the_kind_when_none_is_given() -> None:
    kinds = {make_world(seed, people=False).kind for seed in range(12)}
    assert kinds == set(KINDS)


def test_an_office_that_is_narrow_for_its_corridor_is_made_all_the_same() -> None:
    assert make_world(50049, "office", people=False).kind == "office"
    assert make_world(50117, "office", people=False).kind == "office"


def test_what_no_world_has() -> None:
    with pytest.raises(ValueError, match="kind is 'moon': choose from rooms"):
        make_world(0, "moon")
    with pytest.raises(ValueError, match="seed is -1"):
        make_world(-1)
