"""Hand-made depth maps over an input, and where they lie in the source."""

from __future__ import annotations

import numpy as np
import pytest

from vit_perception.cards.rules import DepthRule, read_decoding, write_decoding
from vit_perception.runtime.decode.depth import depth
from vit_perception.runtime.preprocess import Geometry

METRES = DepthRule()


def ramp(height: int, width: int) -> np.ndarray:
    """(height, width) float32: over a unit square, twice the row plus the column, at the cells' centres."""
    rows, columns = (np.arange(side) + 0.5 for side in (height, width))
    return (2 * rows[:, None] / height + columns / width).astype(np.float32)


def test_a_map_is_stretched_over_the_source() -> None:
    found = depth(
        ramp(12, 16), DepthRule(interpolation="bilinear"), Geometry((213, 317), (96, 128), (96, 128))
    )
    assert found.metric
    assert found.depth.dtype == np.float32
    # Between the outermost centres: beyond them, there is nothing to interpolate.
    np.testing.assert_allclose(found.depth[20:-20, 20:-20], ramp(213, 317)[20:-20, 20:-20], atol=1e-5)


def test_bicubic_overshoots_as_torch_s_does() -> None:
    step = np.repeat(np.float32([[0, 0, 0, 0, 1, 1, 1, 1]]), 4, axis=0)
    geometry = Geometry((8, 16), (4, 8), (4, 8))
    # Keys' kernel with a = -0.75, a quarter of a cell before and behind each centre.
    row = depth(step, METRES, geometry).depth[4]
    expected = [0, -0.03515625, -0.10546875, 0.2265625, 0.7734375, 1.10546875, 1.03515625, 1]
    np.testing.assert_allclose(row[4:12], expected, atol=1e-6)
    row = depth(step, DepthRule(interpolation="bilinear"), geometry).depth[4]
    np.testing.assert_allclose(row[4:12], [0, 0, 0, 0.25, 0.75, 1, 1, 1], atol=1e-6)


# torch's cubic kernel bends even a plane a little.
@pytest.mark.parametrize(("interpolation", "tolerance"), [("bilinear", 1e-5), ("bicubic", 1e-2)])
def test_padding_on_all_sides_is_cut_off(interpolation: str, tolerance: float) -> None:
    # 40 x 60 with 10 and 20 mirrored around it, the whole of it halved.
    geometry = Geometry((40, 60), (20, 30), (30, 50), (5, 10))
    values = np.full((30, 50), 100, np.float32)
    values[5:25, 10:40] = ramp(20, 30)
    found = depth(values, DepthRule(interpolation=interpolation), geometry).depth
    assert found.shape == (40, 60)
    np.testing.assert_allclose(found[4:-4, 4:-4], ramp(40, 60)[4:-4, 4:-4], atol=tolerance)


def test_inverse_depth_says_so() -> None:
    found = depth(ramp(4, 4), DepthRule(metric=False), Geometry((8, 8), (4, 4), (4, 4)))
    assert not found.metric


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_known(wrong: float) -> None:
    values = np.ones((8, 8), np.float32)
    values[3, 3] = wrong
    found = depth(values, METRES, Geometry((64, 64), (8, 8), (8, 8))).depth
    assert np.isnan(found[24:32, 24:32]).all()
    known = np.isfinite(found)
    np.testing.assert_allclose(found[known], 1, atol=1e-6)
    assert known[:, 48:].all(), "no farther than the kernel reaches"


def test_the_rule_is_written_and_read() -> None:
    rule = DepthRule(metric=False, interpolation="bilinear")
    written = write_decoding(read_decoding({"depth": {"metric": False, "interpolation": "bilinear"}}))
    assert read_decoding(written).depth == rule
    with pytest.raises(ValueError, match="interpolation 'nearest' is unknown: choose from bilinear, bicubic"):
        DepthRule(interpolation="nearest")
