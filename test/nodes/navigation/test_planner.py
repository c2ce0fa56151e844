"""The rest of the way, on maps whose shortest way is known by hand."""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.navigation.local_map import BODY, LocalMap
from vit_perception.nodes.navigation.planner import CostsToGo
from vit_perception.nodes.navigation.scan import Scan
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.velocity import STANDSTILL
from vit_perception.nodes.navigation.window import best
from vit_perception.runtime.planar import ORIGIN, Pose, seen_from

ANGLES = np.radians(np.arange(-60, 61))
HERE, RADIUS = (0.0, 0.0), 0.2


def free_ground():
    """Looked at all around, twice."""
    ground = LocalMap(ORIGIN)
    for yaw in range(0, 720, 90):
        pose = Pose(0.0, 0.0, math.radians(yaw))
        ground.see(Scan(ANGLES, np.full(len(ANGLES), np.inf), 4.0), pose, 0.0)
    return ground


def wall(ground, now=1.0):
    """Straight ahead, 1.5 m away, from 1 m on the right to 3 m on the left."""
    ends = 1.5 * np.tan(ANGLES)
    metres = np.where((ends > -1) & (ends < 3), 1.5 / np.cos(ANGLES), np.inf)
    ground.see(Scan(ANGLES, metres, 4.0, measured=True), ORIGIN, now)


def cost(ground, place, goal):
    return float(CostsToGo(ground, place, goal, RADIUS)(np.array([place]))[0])


@pytest.mark.parametrize("goal", [(3.0, 0.0), (2.0, 2.0), (-2.0, 1.0)])
def test_over_open_ground_it_costs_its_metres(goal):
    # On a grid with eight directions, up to 8 % more.
    assert math.hypot(*goal) * 0.97 < cost(free_ground(), HERE, goal) < math.hypot(*goal) * 1.09


def test_where_nobody_has_looked_it_costs_more_but_is_no_wall():
    assert cost(LocalMap(ORIGIN), HERE, (3.0, 0.0)) == pytest.approx(1.3 * 3.0, rel=0.05)


def test_around_a_wall_it_leads_by_the_nearer_end():
    ground = LocalMap(ORIGIN)
    wall(ground)
    costs = CostsToGo(ground, HERE, (3.0, 0.0), RADIUS)
    left, right = costs(np.array([(0.5, 0.8), (0.5, -0.8)]))
    assert right < left
    around = 2 * math.hypot(1.5, 1.0 + RADIUS)
    assert around < costs(np.array([HERE]))[0] < 2.5 * around


def test_somebody_who_may_go_on_is_waited_for():
    stands, passes = LocalMap(ORIGIN), free_ground()
    wall(stands)
    wall(passes)
    assert cost(passes, HERE, (3.0, 0.0)) < 3.0 + 0.5 * 2 * (RADIUS + BODY) + 0.3
    # Who has shins there is wider.
    near, far = CostsToGo(passes, HERE, (3.0, 0.0), RADIUS)(np.array([(1.7, 0.0), (2.0, 0.0)]))
    assert near - far > 1.3 * 0.3
    assert passes.passing.any()
    assert not stands.passing.any()


def test_who_was_seen_for_a_moment_is_waited_for_and_what_is_low_is_not():
    metres = np.full(len(ANGLES), 1.0)
    for tall in (True, False):
        ground = LocalMap(ORIGIN)
        ground.see(Scan(ANGLES, metres, 4.0, tall=np.full(len(ANGLES), tall)), ORIGIN, 0.0)
        assert not ground.passing.any()
        assert (cost(ground, HERE, (2.0, 0.0)) < 3.5) == tall
        for step in range(9):
            ground.see(Scan(ANGLES, metres, 4.0, tall=np.full(len(ANGLES), tall)), ORIGIN, 0.1 * step)
        assert cost(ground, HERE, (2.0, 0.0)) > 3.5, "a wall"


def test_a_robot_gets_around_what_it_sees_to_its_goal():
    """Among points of a wall with a way round, seen by a camera ahead, and driven as it is told."""
    world = np.stack((np.full(81, 1.5), np.linspace(-0.8, 3.2, 81)), axis=1)
    ground, pose, velocity, limits = LocalMap(ORIGIN), ORIGIN, STANDSTILL, NavigationSettings()
    nearest = math.inf
    for step in range(200):
        x, y = seen_from(pose, world).T
        metres = np.full(len(ANGLES), np.inf)
        beams = np.rint(np.degrees(np.arctan2(y, x))).astype(int) + 60
        ahead = (beams >= 0) & (beams <= 120)
        np.minimum.at(metres, beams[ahead], np.hypot(x, y)[ahead])
        ground.see(Scan(ANGLES, metres, 4.0, measured=True), pose, step / 10)
        costs = CostsToGo(ground, pose[:2], (3.0, 0.0), limits.robot_radius)
        things = ground.around(pose, 2.0)
        velocity = best(costs, ground.is_unknown, pose, velocity, things, limits, limits.max_speed)
        yaw = pose.yaw + 0.1 * velocity.turn
        step_x, step_y = 0.1 * velocity.speed * math.cos(yaw), 0.1 * velocity.speed * math.sin(yaw)
        pose = Pose(pose.x + step_x, pose.y + step_y, yaw)
        nearest = min(nearest, float(np.hypot(*(world - pose[:2]).T).min()))
        if math.dist(pose[:2], (3.0, 0.0)) < 0.3:
            break
    assert math.dist(pose[:2], (3.0, 0.0)) < 0.3, f"it got to {pose}"
    assert nearest > limits.robot_radius


def test_a_goal_beyond_the_map_is_as_far_as_it_is():
    far = cost(free_ground(), HERE, (40.0, 0.0))
    assert 40.0 < far < 40.0 + 0.3 * 10
