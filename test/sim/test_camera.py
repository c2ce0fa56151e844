"""Pictures against geometry that can be worked out by hand."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from sim.hand_made import box, person, room
from sim.rendering import need_renderer
from vit_perception.runtime.planar import Pose
from vit_perception.sim.camera import RgbdCamera, camera_pose
from vit_perception.sim.mujoco_library import NOT_INSTALLED
from vit_perception.sim.robot import CAMERA_X
from vit_perception.sim.scene import GROUND, PEOPLE, SKY, Scene
from vit_perception.sim.world import Ground, Thing, World

HEIGHT, WIDTH = 120, 160
EAST = Pose(-4.0, 0.0, 0.0)


def world_of() -> World:
    """A post of 0.2 m on the left, 2 m before the camera at EAST, and a person on the right, going away."""
    post = replace(box(-4.0 + CAMERA_X + 2.1, 0.6, 0.1, 0.1), thing=1)
    walker = person([(-1.5, -0.8), (3.0, -0.8)])
    world = room(post, walkers=(walker,))
    return replace(world, things=(*world.things, Thing("chair")))


@pytest.fixture(scope="module")
def camera() -> Iterator[RgbdCamera]:
    need_renderer()
    camera = RgbdCamera(Scene(world_of()), (HEIGHT, WIDTH))
    yield camera
    camera.close()


def test_the_depth_of_a_wall_is_its_distance_along_the_optical_axis(camera: RgbdCamera) -> None:
    frame = camera.look(Pose(2.0, 3.0, 0.0), 0.0)
    # The wall is at x = 5.
    wall = frame.true_depth[HEIGHT // 2]
    np.testing.assert_allclose(wall, 5 - 2 - CAMERA_X, rtol=0.002)
    assert (frame.things[HEIGHT // 2] == 0).all()
    measured = frame.depth[HEIGHT // 2]
    assert (measured > 0).mean() > 0.9
    np.testing.assert_allclose(measured[measured > 0], 5 - 2 - CAMERA_X, atol=0.15)


def test_the_ground_is_as_far_away_as_the_camera_is_high(camera: RgbdCamera) -> None:
    frame = camera.look(Pose(0.0, -4.0, math.pi / 2), 0.0)
    focal, row = camera.intrinsics[1, 1], HEIGHT - 1
    assert frame.things[row, WIDTH // 2] == GROUND
    # The ray through the middle of the lowest pixel meets the ground 0.3 m below.
    expected = 0.3 * focal / (row + 0.5 - HEIGHT / 2)
    assert frame.true_depth[row, WIDTH // 2] == pytest.approx(expected, rel=0.01)


def test_a_thing_on_the_left_is_on_the_left_where_the_lens_puts_it(camera: RgbdCamera) -> None:
    frame = camera.look(EAST, 0.0)
    rows, columns = np.nonzero(frame.things == 1)
    focal = camera.intrinsics[0, 0]
    # Its front is 2 m before the camera, from y = 0.5 to y = 0.7.
    assert columns.min() == pytest.approx(WIDTH / 2 - focal * 0.7 / 2.0, abs=1.5)
    assert columns.max() + 1 == pytest.approx(WIDTH / 2 - focal * 0.5 / 2.2, abs=1.5)
    assert rows.max() + 1 == pytest.approx(HEIGHT / 2 + focal * 0.3 / 2.0, abs=1.5)
    assert rows.min() == pytest.approx(HEIGHT / 2 - focal * 0.7 / 2.0, abs=1.5)


def test_people_are_where_their_clocks_say(camera: RgbdCamera) -> None:
    def far(clock: float) -> float:
        frame = camera.look(EAST, 5.0, np.array([clock]))
        return float(np.median(frame.true_depth[frame.things == PEOPLE]))

    assert far(0.0) == pytest.approx(2.5 - CAMERA_X, abs=0.25)
    assert far(2.0) == pytest.approx(4.5 - CAMERA_X, abs=0.25)
    moving = camera.look(EAST, 0.0, np.array([0.2])).things, camera.look(EAST, 0.0, np.array([0.4])).things
    assert (moving[0] != moving[1]).sum() > 10, "legs swing"


def test_the_sky_begins_above_the_walls(camera: RgbdCamera) -> None:
    frame = camera.look(EAST, 0.0)
    sky = frame.things == SKY
    assert sky[0].any()
    assert not sky[HEIGHT // 2 :].any()
    assert (frame.true_depth[sky] == 0).all()
    assert (frame.depth[sky] == 0).all()


def test_the_same_moment_gives_the_same_pixels_and_another_one_other_noise() -> None:
    need_renderer()
    world = replace(world_of(), look=replace(world_of().look, noise=0.02))
    camera = RgbdCamera(Scene(world), (HEIGHT, WIDTH))
    first, again = camera.look(EAST, 1.0), camera.look(EAST, 1.0)
    later = camera.look(EAST, 1.1, np.array([1.0]))
    camera.close()
    for name in ("rgb", "depth", "true_depth", "things"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.rgb != later.rgb).any()
    assert (first.depth != later.depth).any()


def test_the_robot_tilts_with_the_ground() -> None:
    # It rises along x, by 0.1 m a metre at the origin.
    slope = Ground(np.array([1.0]), np.array([[0.1, 0.0]]), np.zeros(1), "grass", 0)
    world = replace(room(), ground=slope)
    position, axes = camera_pose(world, Pose(0.0, 0.0, 0.0))
    length = math.hypot(1, 0.1)
    np.testing.assert_allclose(-axes[:, 2], np.array([1, 0, 0.1]) / length)
    np.testing.assert_allclose(axes[:, 1], np.array([-0.1, 0, 1]) / length)
    up = 0.3 * axes[:, 1]
    np.testing.assert_allclose(position, -CAMERA_X * axes[:, 2] + up)
    # Across the slope it leans, and what is right of it is lower.
    _, across = camera_pose(world, Pose(0.0, 0.0, math.pi / 2))
    assert across[2, 0] == pytest.approx(0.1 / length)


def test_a_camera_that_is_pitched_down_looks_down() -> None:
    world = replace(room(), look=replace(room().look, camera_pitch=0.2))
    _, axes = camera_pose(world, Pose(0.0, 0.0, 0.0))
    np.testing.assert_allclose(-axes[:, 2], [math.cos(0.2), 0, -math.sin(0.2)], atol=1e-12)


def test_without_the_renderer_one_sentence_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['mujoco'] = None\n"
        "from sim.hand_made import room\n"
        "from vit_perception.sim.simulation import Simulation\n"
        "simulation = Simulation(room())\n"
        "simulation.step(0.5, 0.0, 0.1)\n"
        "try: simulation.look()\n"
        "except RuntimeError as error: print(error)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert result.stdout.startswith(NOT_INSTALLED), result.stderr


def test_torch_can_be_loaded_after_a_picture_was_drawn() -> None:
    """Mesa and Triton both bring LLVM, and the second of them may crash the process."""
    need_renderer()
    pytest.importorskip("torchvision", reason="Triton comes with it")
    code = (
        "from vit_perception.sim.simulation import Simulation\n"
        "from vit_perception.sim.worlds.make import make_world\n"
        "Simulation(make_world(3, 'rooms')).look()\n"
        "import torchvision\nprint('both')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout.strip() == "both", done.stderr[-1000:]
