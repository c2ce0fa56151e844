"""Colours change, and shapes do not."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from vit_perception.training.colour import _recolour, jitter_colour


def test_colour_jitter_changes_values_not_shape():
    rgb = np.full((8, 8, 3), 100, np.uint8)
    out = [jitter_colour(rgb, np.random.default_rng(seed)) for seed in range(10)]
    assert all(o.shape == rgb.shape and o.dtype == np.uint8 for o in out)
    assert len({o.tobytes() for o in out}) == 10


def test_colours_turn_and_fade_at_the_same_brightness():
    red = np.array([200.0, 40.0, 40.0])
    luma = np.array([0.299, 0.587, 0.114])
    for turn, colours in ((0.3, 1.0), (0.0, 0.5), (-0.2, 1.5), (0.0, 0.0)):
        changed = _recolour(turn, colours) @ red
        assert changed @ luma == pytest.approx(red @ luma, abs=0.5)
    np.testing.assert_allclose(_recolour(0.0, 1.0) @ red, red, atol=1e-9)
    np.testing.assert_allclose(_recolour(0.0, 0.0) @ red, red @ luma, atol=0.5)
    hues = [colorsys.rgb_to_hsv(*(_recolour(turn, 1.0) @ red / 255))[0] for turn in (-0.2, 0.0, 0.2)]
    assert hues[1] == 0
    assert {hues[0] > 0.5, hues[2] > 0.5} == {True, False}, "to either side of red"


def test_no_strength_changes_nothing():
    rgb = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(jitter_colour(rgb, np.random.default_rng(1), 0.0), rgb)
