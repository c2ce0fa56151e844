"""Teachers do not see the bars on the sides of a picture, and results are in pixels of all of it."""

from __future__ import annotations

import numpy as np

from vit_perception.data.labelling.views import content_of, predict
from vit_perception.data.teachers import Prediction


class Corner:
    """A teacher that finds a box in the corner of what it sees, and marks the corner in mask and depth."""

    name, box_labels, mask_labels, gives_depth = "corner", ("thing",), ("thing", "rest"), True

    def __call__(self, image: np.ndarray) -> Prediction:
        self.seen = image
        mask = np.ones(image.shape[:2], np.uint8)
        mask[:2, :3] = 0
        boxes = np.array([[0, 0, 3, 2]], np.float32)
        return Prediction(boxes, np.array([0]), np.array([0.5], np.float32), mask, mask.astype(np.float32))


def picture(colour: tuple[int, int, int]) -> np.ndarray:
    """40 x 60 pixels, with bars of 5 above, 10 below, 4 on the left and 8 on the right."""
    image = np.full((40, 60, 3), colour, np.uint8)
    image[5:30, 4:52] = np.random.default_rng(0).integers(0, 255, (25, 48, 3), np.uint8)
    return image


def test_bars_are_cut_off() -> None:
    for colour in ((0, 0, 0), (114, 114, 114), (123, 116, 104)):
        image = picture(colour)
        image[2] += 2  # as JPEG does
        assert content_of(image) == (slice(5, 30), slice(4, 52))


def test_a_white_border_is_content_and_so_is_a_dark_picture() -> None:
    whole = (slice(0, 40), slice(0, 60))
    assert content_of(picture((255, 255, 255))) == whole
    assert content_of(np.zeros((40, 60, 3), np.uint8)) == whole
    assert content_of(picture((10, 20, 90))) == whole


def test_results_are_in_pixels_of_the_whole_picture() -> None:
    image, teacher = picture((114, 114, 114)), Corner()
    found = predict(teacher, image, content_of(image))
    np.testing.assert_array_equal(teacher.seen, image[5:30, 4:52])
    np.testing.assert_array_equal(found.boxes, [[4, 5, 7, 7]])
    assert found.mask is not None
    assert found.depth is not None
    np.testing.assert_array_equal(np.argwhere(found.mask == 0)[[0, -1]], [[5, 4], [6, 6]])
    assert (found.mask == 255).sum() == np.isnan(found.depth).sum() == 40 * 60 - 25 * 48


def test_a_mirrored_view_is_turned_back() -> None:
    image, teacher = picture((114, 114, 114)), Corner()
    found = predict(teacher, image, content_of(image), mirrored=True)
    np.testing.assert_array_equal(teacher.seen, image[5:30, 4:52][:, ::-1])
    np.testing.assert_array_equal(found.boxes, [[49, 5, 52, 7]])
    assert found.mask is not None
    np.testing.assert_array_equal(np.argwhere(found.mask == 0)[[0, -1]], [[5, 49], [6, 51]])
