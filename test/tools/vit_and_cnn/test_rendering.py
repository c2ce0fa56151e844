"""What a camera sees of a room, against distances worked out by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from vit_and_cnn.geometry import look, rays
from vit_and_cnn.render import render
from vit_and_cnn.scene import Box, Camera, Cylinder, Light, Material, Scene, draw_scene

SIZE = (61, 81)
MIDDLE = (30, 40)
GREY, RED = (Material("plain", np.array([colour] * 2), 1.0) for colour in ((0.5,) * 3, (0.9, 0.1, 0.1)))


def room(**changes: Any) -> Scene:
    """Ten metres to each side, empty; the camera is half a metre high and looks straight ahead."""
    scene = Scene(
        camera=Camera(height=0.5, pitch=0.0, roll=0.0, focal=0.5),
        light=Light(np.array([0.0, 0.0, 1.0]), 0.5, np.full(3, 0.3), gloss=0.0, blur=0.0, noise=0.0),
        low=np.array([-10.0, -10.0, 0.0]),
        high=np.array([10.0, 10.0, 3.0]),
        yaw=0.0,
        floor=GREY,
        walls=GREY,
        ceiling=GREY,
        rugs=(),
        boxes=(),
        cylinders=(),
    )
    return dataclasses.replace(scene, **changes)


def box(x: float, y: float, half: tuple[float, float, float], yaw: float = 0.0) -> Box:
    """A red box that stands on the floor."""
    return Box(np.array([x, y, half[2]]), np.array(half), yaw, RED)


def seen(**changes):
    answer = look(room(**changes), SIZE)
    return answer.distance.reshape(SIZE), answer.surface.reshape(SIZE)


def test_the_middle_looks_ahead_and_the_left_is_left():
    along = rays(Camera(0.5, 0.0, 0.0, 0.5), SIZE).reshape(*SIZE, 3)
    np.testing.assert_allclose(along[MIDDLE], [1, 0, 0], atol=1e-6)
    assert along[30, 0, 1] > 0.5  # y is left
    assert along[0, 40, 2] > 0.3
    # The focal length is half the width: the edges are 45 degrees off, but for half a pixel.
    np.testing.assert_allclose(along[30, 0, 1] / along[30, 0, 0], 80 / 81, rtol=1e-5)


def test_an_empty_room():
    distance, surface = seen()
    assert distance[MIDDLE] == pytest.approx(10)
    down = 30 / 81 / 0.5  # tangent of the lowest pixel's angle
    assert distance[60, 40] == pytest.approx(0.5 / np.sin(np.arctan(down)), rel=1e-5)
    floor, ceiling, walls = surface[60, 40], surface[0, 40], surface[MIDDLE]
    assert (floor, ceiling, walls) == (0, 1, 2)


def test_pitched_down_it_sees_the_floor():
    camera = Camera(0.5, np.radians(30), 0.0, 0.5)
    distance, surface = seen(camera=camera)
    assert surface[MIDDLE] == 0
    assert distance[MIDDLE] == pytest.approx(1.0, rel=1e-5)


def test_rolled_to_the_right_its_right_is_lower():
    along = rays(Camera(0.5, 0.0, np.radians(10), 0.5), SIZE).reshape(*SIZE, 3)
    assert along[30, 80, 2] < -0.05
    assert along[30, 0, 2] > 0.05


@pytest.mark.parametrize(("yaw", "near"), [(0.0, 1.8), (np.pi / 2, 1.9)])
def test_a_box_turned_or_not(yaw, near):
    distance, surface = seen(boxes=(box(2.0, 0.0, (0.2, 0.1, 0.5), yaw),))
    assert surface[MIDDLE] == 3
    assert distance[MIDDLE] == pytest.approx(near, rel=1e-4)
    assert surface[30, 0] == 2


def test_a_cylinder_from_ahead_and_from_above():
    distance, surface = seen(cylinders=(Cylinder(np.array([2.0, 0.0]), 0.25, 1.0, RED),))
    assert distance[MIDDLE] == pytest.approx(1.75, rel=1e-4)
    low = Cylinder(np.array([1.0, 0.0]), 0.25, 0.2, RED)
    down = Camera(0.5, np.arctan(0.3), 0.0, 0.5)
    distance, surface = seen(camera=down, cylinders=(low,))
    assert surface[MIDDLE] == 3
    assert distance[MIDDLE] == pytest.approx(np.hypot(1.0, 0.3), rel=1e-4)


def test_the_nearer_thing_is_seen_whatever_their_order():
    near, far = box(1.0, 0.0, (0.1, 0.1, 0.6)), box(3.0, 0.0, (0.1, 0.1, 0.6))
    for boxes in ((near, far), (far, near)):
        assert seen(boxes=boxes)[0][MIDDLE] == pytest.approx(0.9, rel=1e-4)


def test_a_thing_to_the_left_hides_the_floor_there():
    scene = room(boxes=(box(1.0, 0.6, (0.3, 0.3, 0.4)),))
    rendered = render(scene, SIZE, np.random.default_rng(0))
    lower = rendered.floor[45:]
    assert lower[:, :20].mean() < 0.3
    assert lower[:, 60:].all()
    assert rendered.distance[45, 15] < rendered.distance[45, 65]


def test_a_rug_is_seen_and_is_floor():
    rug = dataclasses.replace(box(1.0, 0.0, (0.3, 0.3, 0.0)), material=RED)
    rendered = render(room(rugs=(rug,)), SIZE, np.random.default_rng(0))
    plain = render(room(), SIZE, np.random.default_rng(0))
    assert np.array_equal(rendered.floor, plain.floor)
    reddish = rendered.rgb[..., 0].astype(int) - rendered.rgb[..., 2] > 40
    assert 20 < reddish.sum() < 0.3 * reddish.size
    assert rendered.floor[reddish].all()


def test_a_thing_casts_a_shadow():
    rendered = render(room(boxes=(box(1.5, 0.0, (0.2, 0.2, 0.2)),)), SIZE, np.random.default_rng(0))
    grey = rendered.rgb.mean(axis=2)
    row = np.flatnonzero(rendered.floor[:, 40])[0] + 1  # before the box
    assert grey[row, 40] < 0.9 * grey[row, 2]


def test_noise_and_light_are_the_sensors():
    light = dataclasses.replace(room().light, noise=8.0)
    noisy, plain = (
        render(room(light=each), SIZE, np.random.default_rng(0)) for each in (light, room().light)
    )
    change = noisy.rgb.astype(float) - plain.rgb
    assert change.std() == pytest.approx(8.0, rel=0.1)


def test_a_seed_is_a_scene():
    first, again, other = (
        render(draw_scene(np.random.default_rng(seed)), SIZE, np.random.default_rng(1)).rgb
        for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
