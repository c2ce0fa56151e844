"""Answers drawn where they belong."""

import cv2
import numpy as np

from vit_perception.runtime.results import Classification, Detection, Navigation, Perception, Segmentation
from vit_perception.viz.draw import class_colour, draw_attention, draw_boxes, draw_mask, draw_overlay

GREY = np.full((120, 160, 3), 100, np.uint8)
LABELS = {0: "person", 1: "vehicle"}


def detection(*boxes):
    count = len(boxes)
    return Detection(
        np.array(boxes, np.float32).reshape(-1, 4), np.ones(count, np.int64), np.full(count, 0.9, np.float32)
    )


def test_box_edges_are_in_source_pixels_and_in_the_class_colour():
    drawn = draw_boxes(GREY, detection((30, 60, 100, 110)), LABELS)
    assert tuple(drawn[110, 60]) == class_colour(1)
    assert tuple(drawn[90, 100]) == class_colour(1)
    np.testing.assert_array_equal(drawn[80:100, 40:90], GREY[80:100, 40:90])
    assert (GREY == 100).all()


def test_boxes_at_the_very_edge_and_none():
    assert draw_boxes(GREY, detection((0, 0, 160, 120)), {}).shape == GREY.shape
    np.testing.assert_array_equal(draw_boxes(GREY, detection(), LABELS), GREY)


def test_mask_tints_each_class_and_leaves_the_unlabelled():
    mask = np.full((120, 160), 255, np.uint8)
    mask[:, :80] = 1
    drawn = draw_mask(GREY, Segmentation(mask, mask))
    expected = (np.array(class_colour(1)) + 100) / 2
    assert np.abs(drawn[60, 40] - expected).max() <= 1
    np.testing.assert_array_equal(drawn[:, 82:], GREY[:, 82:])


def test_attention_is_brightest_where_the_heat_is():
    heat = np.zeros((120, 160), np.float32)
    heat[40:60, 50:70] = 1
    drawn = draw_attention(GREY, heat)
    assert drawn[50, 60].mean() > 2 * drawn[100, 100].mean()


def test_overlay_of_everything_of_nothing_and_read_only():
    frozen = GREY.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(draw_overlay(frozen, Perception((120, 160)), {}), GREY)
    perception = Perception(
        (120, 160),
        classification=Classification(np.array([1, 7]), np.array([0.9, 0.8], np.float32)),
        detection=detection((30, 60, 100, 110)),
        navigation=Navigation(("forward", "stop"), np.array([0.1, 0.9], np.float32), 0.7),
    )
    drawn = draw_overlay(frozen, perception, {"detection": LABELS, "classification": LABELS})
    assert drawn.shape == GREY.shape
    assert (drawn[:20] != 100).any()  # classes along the top
    assert (drawn[-20:, :60] != 100).any()  # advice along the bottom


def test_the_colours_of_a_hundred_classes_can_be_told_apart():
    colours = np.float32([class_colour(class_id) for class_id in range(113)])
    looks = cv2.cvtColor(colours[None] / 255, cv2.COLOR_RGB2LAB)[0]
    distances = np.linalg.norm(looks[:, None] - looks[None], axis=-1) + 100 * np.eye(113)
    assert distances.min() > 15, "about 2 is the least that eyes see"


def test_every_class_has_a_colour():
    assert len({class_colour(class_id) for class_id in range(256)}) == 256
    assert class_colour(999) == class_colour(999 - 3 * 256)
