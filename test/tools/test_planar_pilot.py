"""The map of a navigator drives by the plan of a world, as for trials without pictures."""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from planar_pilot import PlanarPilot
from try_navigator import drive_one
from vit_perception.sim.driving.folder import Job
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.worlds.make import make_world


def test_it_sees_what_stands_before_the_robot_and_nothing_beside_the_picture():
    simulation = Simulation(make_world(780000, "rooms", people=False))
    scan = PlanarPilot(simulation)._scan()
    ahead = simulation.plan.free_distance(simulation.pose, np.zeros(1), 4.0)[0]
    middle = scan.metres[np.abs(scan.angles).argmin()]
    assert middle == pytest.approx(ahead, abs=0.05) or (ahead == 4.0 and math.isinf(middle))
    beside = np.abs(scan.angles) > math.radians(55)
    assert np.isnan(scan.metres[beside]).all()
    assert not np.isnan(scan.metres[np.abs(scan.angles) < math.radians(20)]).any()


def test_it_arrives_without_a_picture():
    episode = drive_one(None, Job("still", "navigator", 780003), "yard")
    assert (episode.success, episode.collisions) == (True, 0)
    assert episode.spl > 0.9
