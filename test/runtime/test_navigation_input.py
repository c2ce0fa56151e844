"""What a navigator gets beside the image: fitted as the image is, and never made up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.runtime.navigation_input import NavigationInput, fit_depth, navigation_arrays
from vit_perception.runtime.preprocess import Geometry, fit

CONFIG = NavigationConfig(history=3, width=4)


def metres(rows):
    return np.array(rows, np.float32)


def test_depth_lies_where_the_image_does():
    geometry = fit((120, 160), ((84, 140),))
    assert geometry.content == (84, 112)
    found = fit_depth(np.full((120, 160), 2.0, np.float32), geometry)
    assert found.shape == (84, 140)
    assert (found[:, :112] == 2.0).all()
    assert (found[:, 112:] == 0.0).all(), "padding has no depth"


def test_depth_of_another_resolution_than_the_image():
    geometry = fit((480, 640), ((84, 112),))
    left = np.full((60, 80), 3.0, np.float32)
    left[:, :40] = 1.0
    found = fit_depth(left, geometry)
    assert (found[:, :56] == 1.0).all()
    assert (found[:, 56:] == 3.0).all()


def test_the_nearest_counts_and_no_mean_is_invented():
    """A leg of a chair one pixel wide, before a wall, in a picture that becomes a third as large."""
    depth = np.full((90, 90), 4.0, np.float32)
    depth[:, 40] = 1.0
    found = fit_depth(depth, Geometry((90, 90), (30, 30), (30, 30)))
    assert set(np.unique(found)) == {1.0, 4.0}
    assert (found == 1.0).any(axis=1).all()


@pytest.mark.parametrize("unknown", [0.0, math.nan, math.inf, -1.0, 2000.0])
def test_unknown_depth_is_zero_and_hides_nothing(unknown):
    depth = np.full((4, 4), 4.0, np.float32)
    depth[:, 1] = unknown
    depth[:, 2:] = unknown
    same = fit_depth(depth, Geometry((4, 4), (4, 4), (4, 4)))
    assert same.tolist() == [[4.0, 0.0, 0.0, 0.0]] * 4
    half = fit_depth(depth, Geometry((4, 4), (2, 2), (2, 2)))
    assert half[:, 0].tolist() == [4.0, 4.0], "a known pixel beside an unknown one counts"
    assert half[:, 1].tolist() == [0.0, 0.0]


def test_depth_of_a_cropped_frame():
    depth = np.arange(16, dtype=np.float32).reshape(4, 4) + 1
    found = fit_depth(depth, Geometry((4, 4), (4, 4), (2, 2), (-1, -1)))
    assert found.tolist() == [[6, 7], [10, 11]]


def test_the_arrays_are_those_that_the_model_takes():
    geometry = Geometry((4, 4), (4, 4), (4, 4))
    tokens = tuple(np.full(4, value, np.float32) for value in (1, 2, 3, 4))
    given = NavigationInput(metres([[1.0]]), (2.0, math.pi / 2), (*tokens[:3], None, tokens[3]))
    found = navigation_arrays(given, geometry, CONFIG)
    assert list(found) == ["depth", "goal", "history"]
    assert found["depth"].shape == (1, 1, 4, 4)
    np.testing.assert_allclose(found["goal"], [[2, 1, 0, 1]], atol=1e-6)  # to the left
    assert found["history"][0].tolist() == [[3, 3, 3, 3, 1], [0, 0, 0, 0, 0], [4, 4, 4, 4, 1]]
    assert all(values.dtype == np.float32 for values in found.values())
    short = navigation_arrays(NavigationInput(history=tokens[:1]), geometry, CONFIG)
    assert short["history"][0, :, -1].tolist() == [0, 0, 1], "the newest is last"
    assert not short["goal"].any()
    only_goal = NavigationConfig(depth=False, history=0)
    assert list(navigation_arrays(given, geometry, only_goal)) == ["goal"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depth": np.zeros((4, 4))}, "the depth is float64"),
        ({"depth": np.zeros((4, 4, 1), np.float32)}, r"of shape \(4, 4, 1\)"),
        ({"depth": np.zeros((0, 4), np.float32)}, "which holds no pixel"),
        ({"goal": (math.nan, 0.0)}, "the goal is"),
        ({"goal": (-1.0, 0.0)}, "the goal is"),
    ],
)
def test_a_wrong_input_is_named(fields, message):
    with pytest.raises(ValueError, match=message):
        NavigationInput(**fields)


def test_a_token_of_another_model_is_named():
    given = NavigationInput(history=(np.zeros(8, np.float32),))
    with pytest.raises(ValueError, match=r"has shape \(8,\), not \(4,\)"):
        navigation_arrays(given, Geometry((4, 4), (4, 4), (4, 4)), CONFIG)
