"""A picture that moves is found where it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vit_perception.runtime.picture_shift import PictureShift


@pytest.mark.parametrize("shift", [(0, 0), (24, 0), (-40, 12)])
def test_a_shift_is_found_to_a_pixel_or_two(shift: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (30, 40, 3), np.uint8)
    world = cv2.resize(blocks, (800, 600), interpolation=cv2.INTER_LINEAR)
    x, y = shift
    finder = PictureShift()
    assert finder.update(world[60:540, 80:720]) is None
    found = finder.update(world[60 - y : 540 - y, 80 - x : 720 - x])
    assert found is not None
    np.testing.assert_allclose(found, [[1, 0, x], [0, 1, y], [0, 0, 1]], atol=2)
