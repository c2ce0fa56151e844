"""Hand-made raw outputs to known answers in source pixels."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from vit_perception.cards.card import OUR_HEADS, load_card
from vit_perception.cards.raw_outputs import needed
from vit_perception.runtime.decode import MAX_DETECTIONS, decode
from vit_perception.runtime.preprocess import fit
from vit_perception.runtime.request import Request
from vit_perception.tasks import TASKS

CARD = dataclasses.replace(load_card(Path(__file__).parents[1] / "fixtures" / "tiny"), trained=OUR_HEADS)
SOURCE = (480, 640)
GEOMETRY = fit(SOURCE, CARD.input_sizes)  # 480x640 into 84x112: 0.175 input pixels a source pixel
GRID = (21, 28)
CELLS = 300
NEVER = -20.0


def outputs(**changes):
    """Raw outputs of a scene without anything in it."""
    raw = {
        "classification": np.full((1, 12), NEVER),
        "detection_boxes": np.zeros((1, CELLS, 4)),
        "detection_scores": np.full((1, CELLS, 6), NEVER),
        "segmentation": np.zeros((1, 12, *GRID)),
        "navigation_action": np.zeros((1, 4)),
        "navigation_collision": np.zeros((1, 1)),
        "navigation_goal_distance": np.zeros((1, 1)),
        "attention": np.zeros((1, 2, 6, 8)),
    }
    return {name: value.astype(np.float32) for name, value in (raw | changes).items()}


# With every class, however unlikely.
EVERY_CLASS = {"classification": 0.0}


def look(card=CARD, tasks=TASKS, geometry=GEOMETRY, thresholds=None, **changes):
    return decode(
        outputs(**changes), geometry, card, Request(tasks, thresholds=EVERY_CLASS | (thresholds or {}))
    )


def detections(*rows):
    """`detection_*` outputs from rows of (box in source pixels, column, logit)."""
    boxes, scores = np.zeros((1, CELLS, 4)), np.full((1, CELLS, 6), NEVER)
    scale_y, scale_x = GEOMETRY.scale
    for cell, (box, column, logit) in enumerate(rows):
        boxes[0, cell] = np.array(box) * (scale_x, scale_y, scale_x, scale_y)
        scores[0, cell, column] = logit
    return {"detection_boxes": boxes, "detection_scores": scores}


def test_an_empty_scene_gives_empty_answers():
    found = look()
    assert found.image_size == SOURCE
    assert found.detection.boxes.shape == (0, 4)
    assert found.detection.class_ids.shape == found.detection.scores.shape == (0,)
    assert (found.classification.scores < 1e-6).all()
    assert found.attention.heatmap.shape == SOURCE
    assert not found.attention.heatmap.any()


def test_classes_come_best_first():
    logits = np.full((1, 12), NEVER)
    logits[0, [3, 7]] = 0.0, 2.0
    found = look(classification=logits).classification
    assert list(found.class_ids[:2]) == [7, 3]
    assert sorted(found.class_ids) == list(range(12))
    np.testing.assert_allclose(found.scores[:2], [1 / (1 + np.exp(-2)), 0.5], atol=1e-6)
    for threshold, kept in ((0.4, [7, 3]), (0.5, [7, 3]), (0.6, [7]), (1.0, [])):
        found = look(thresholds={"classification": threshold}, classification=logits).classification
        assert list(found.class_ids) == kept
        assert len(found.scores) == len(kept)


def test_boxes_are_in_source_pixels_best_first_and_clipped():
    found = look(
        **detections(((100, 50, 300, 250), 2, 1.0), ((-40, 400, 60, 900), 5, 3.0), ((0, 0, 9, 9), 0, -3.0))
    ).detection
    np.testing.assert_allclose(found.boxes, [[0, 400, 60, 480], [100, 50, 300, 250]], atol=1e-3)
    assert list(found.class_ids) == [5, 2]
    np.testing.assert_allclose(found.scores, [0.95257413, 0.7310586], atol=1e-6)
    assert found.boxes.dtype == found.scores.dtype == np.float32


def test_the_columns_are_the_things_that_the_card_lists():
    card = dataclasses.replace(CARD, things=(9, 4, 1, 0, 2, 3))
    assert list(look(card, **detections(((0, 0, 99, 99), 0, 2.0))).detection.class_ids) == [9]


def test_overlapping_boxes_are_one_object_within_a_class_only():
    found = look(
        **detections(
            ((100, 100, 200, 200), 1, 2.0),
            ((102, 100, 202, 200), 1, 1.0),
            ((102, 100, 202, 200), 3, 1.5),
            ((160, 100, 260, 200), 1, 0.5),
        )
    ).detection
    assert list(found.class_ids) == [1, 3, 1]
    np.testing.assert_allclose(found.boxes[:, 0], [100, 102, 160], atol=1e-3)


def test_one_cell_may_be_two_classes():
    raw = detections(((100, 100, 200, 200), 1, 2.0))
    raw["detection_scores"][0, 0, 4] = 1.0
    assert list(look(**raw).detection.class_ids) == [1, 4]


def test_at_most_a_hundred_boxes_the_best():
    rows = [
        ((20 * (i % 30), 40 * (i // 30), 20 * (i % 30) + 15, 40 * (i // 30) + 30), 0, i / 50)
        for i in range(250)
    ]
    found = look(**detections(*rows)).detection
    assert len(found.scores) == MAX_DETECTIONS
    assert (np.diff(found.scores) <= 0).all()
    np.testing.assert_allclose(found.scores[-1], 1 / (1 + np.exp(-150 / 50)), atol=1e-6)


def test_the_threshold_cuts_and_zero_keeps_all():
    rows = [((0, 0, 50, 50), 0, 0.0), ((100, 0, 150, 50), 0, 1.0)]
    assert len(look(thresholds={"detection": 0.6}, **detections(*rows)).detection.scores) == 1
    assert len(look(thresholds={"detection": 0.5}, **detections(*rows)).detection.scores) == 2
    assert len(look(thresholds={"detection": 0.9}, **detections(*rows)).detection.scores) == 0


def test_boxes_without_extent_are_dropped():
    rows = [((50, 50, 50, 90), 0, 2.0), ((700, 10, 900, 90), 0, 2.0), ((60, 60, 40, 90), 0, 2.0)]
    assert len(look(**detections(*rows)).detection.scores) == 0


def test_the_mask_has_the_class_of_each_source_pixel():
    logits = np.zeros((1, 12, *GRID))
    logits[0, 6] = 5.0
    logits[0, 7, :, :14] = 9.0  # the left half
    found = look(segmentation=logits).segmentation
    assert found.mask.shape == found.confidence.shape == SOURCE
    assert found.mask.dtype == found.confidence.dtype == np.uint8
    assert (found.mask[:, :305] == 7).all()
    assert (found.mask[:, 335:] == 6).all()
    softmax = np.exp([9, 5] + [0] * 10) / np.exp([9, 5] + [0] * 10).sum()
    np.testing.assert_allclose(found.confidence[:, :300], 255 * softmax[0], atol=1)


def test_the_mask_is_the_best_of_all_classes_resampled_whole():
    rng = np.random.default_rng(0)
    blobs = cv2.GaussianBlur(rng.normal(size=(*GRID, 12)).astype(np.float32), (0, 0), 2.0)
    logits = 20 * blobs.transpose(2, 0, 1)[None]
    found = look(segmentation=logits).segmentation
    assert len(np.unique(found.mask)) >= 8
    softmax = np.exp(logits[0]) / np.exp(logits[0]).sum(axis=0)
    whole = np.stack([fit(SOURCE, CARD.input_sizes).map_to_source(each) for each in softmax])
    assert (found.mask == whole.argmax(axis=0)).mean() > 0.99
    np.testing.assert_allclose(found.confidence, 255 * whole.max(axis=0), atol=8)


def test_of_equal_classes_the_first_is_taken():
    found = look().segmentation
    assert not found.mask.any()
    assert (found.confidence == round(255 / 12)).all()


def test_the_mask_leaves_the_padding_out():
    geometry = fit((100, 640), CARD.input_sizes)
    logits = np.zeros((1, 12, *GRID))
    logits[0, 8] = 9.0
    logits[0, 2, : geometry.cells(GRID)[0]] = 20.0
    assert (look(geometry=geometry, segmentation=logits).segmentation.mask == 2).all()


def test_actions_collision_and_goal():
    found = look(
        navigation_action=np.log([[0.1, 0.6, 0.2, 0.1]]),
        navigation_collision=np.array([[np.log(3.0)]]),
        navigation_goal_distance=np.array([[4.5]]),
    ).navigation
    assert found.actions == CARD.actions
    np.testing.assert_allclose(found.action_scores, [0.1, 0.6, 0.2, 0.1], atol=1e-6)
    assert found.collision == pytest.approx(0.75)
    assert found.goal_distance == 4.5


def test_the_heat_map_is_one_where_attention_is_strongest():
    weights = np.zeros((1, 2, 6, 8))
    weights[0, 0, 4, 2], weights[0, 1, 4, 2], weights[0, 1, 1, 6] = 0.3, 0.1, 0.2
    heat = look(attention=weights).attention.heatmap
    assert heat.dtype == np.float32
    assert heat.max() == pytest.approx(1.0, abs=0.02)
    y, x = np.unravel_index(heat.argmax(), heat.shape)
    assert 4 <= y / 80 < 5  # a patch is 80 source pixels
    assert 2 <= x / 80 < 3
    np.testing.assert_allclose(heat[120, 520], 0.5, atol=0.02)


# --- what was never trained, or never asked for ---


@pytest.mark.parametrize("task", CARD.tasks)
def test_only_the_task_asked_for_is_answered(task):
    found = look(tasks=(task,))
    assert [t for t in TASKS if getattr(found, t) is not None] == [task]


def test_untrained_heads_give_nothing_and_need_no_output():
    card = dataclasses.replace(CARD, trained=("attention",))
    found = decode({"attention": outputs()["attention"]}, GEOMETRY, card, Request(TASKS))
    assert [t for t in TASKS if getattr(found, t) is not None] == ["attention"]


def test_parts_of_navigation_that_were_not_trained_are_none():
    card = dataclasses.replace(CARD, trained=("navigation.collision",))
    found = look(card).navigation
    assert found.actions == ()
    assert found.action_scores is None
    assert found.goal_distance is None
    assert found.collision == 0.5


# --- a network that computes nonsense ---


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", sorted(outputs()))
def test_values_that_are_not_finite_are_an_error(name, wrong):
    """Without them, the scene would look empty."""
    raw = outputs()
    raw[name] = raw[name].astype(np.float32)
    raw[name].flat[-1] = wrong
    with pytest.raises(ValueError, match=f"not finite in its output '{name}': set another precision"):
        decode(raw, GEOMETRY, CARD, Request(TASKS, EVERY_CLASS))


def test_huge_logits_do_not_overflow():
    with np.errstate(over="raise", invalid="raise"):
        found = look(classification=np.full((1, 12), -1e30), segmentation=np.full((1, 12, *GRID), 1e30))
    assert not found.classification.scores.any()


# --- a model that does not fit its card ---


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [
        ("classification", (1, 11), "'classification' has 11 channels, but the card 12 labels"),
        ("detection_scores", (1, CELLS, 5), "'detection_scores' has 5 channels, but the card 6 things"),
        ("segmentation", (1, 13, 4, 4), "'segmentation' has 13 channels, but the card 12 labels"),
        ("navigation_action", (1, 3), "'navigation_action' has 3 channels, but the card 4 actions"),
    ],
)
def test_outputs_that_do_not_fit_the_card(name, shape, says):
    with pytest.raises(ValueError, match=says):
        look(**{name: np.zeros(shape)})


def test_a_missing_output_is_named():
    raw = outputs()
    del raw["segmentation"]
    with pytest.raises(ValueError, match="no output 'segmentation'"):
        decode(raw, GEOMETRY, CARD, Request(TASKS, EVERY_CLASS))


def test_the_mask_weighs_in_detection_scores_where_the_card_says_so():
    rows = detections(((100, 50, 300, 250), 0, 1.0), ((350, 50, 550, 250), 0, 1.2))
    logits = np.zeros((1, 12, *GRID))
    cell = 640 / 28 * GEOMETRY.content[1] / GEOMETRY.input[1]
    box = np.rint(np.array([100, 50, 300, 250]) / cell).astype(int)
    logits[0, CARD.things[0], box[1] : box[3], box[0] : box[2]] = 9.0
    plain = look(**rows, segmentation=logits).detection
    card = dataclasses.replace(CARD, mask_agreement=0.6)
    weighed = look(card, tasks=("detection",), **rows, segmentation=logits).detection
    np.testing.assert_allclose(plain.boxes[0], [350, 50, 550, 250], atol=1e-3)
    np.testing.assert_allclose(weighed.boxes[0], [100, 50, 300, 250], atol=1e-3)
    # One that no blob backs falls under the threshold of 0.3.
    assert len(weighed.boxes) == 1


def test_detection_alone_reads_the_mask_only_if_it_weighs():
    assert "segmentation" not in needed(CARD, ["detection"])
    assert "segmentation" in needed(dataclasses.replace(CARD, mask_agreement=0.6), ["detection"])
