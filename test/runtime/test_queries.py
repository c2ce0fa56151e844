"""Queries, a class and a mask each, made by hand: what they come to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vit_perception.cards.rules import SegmentationRule
from vit_perception.runtime.decode.queries import Segments, segments
from vit_perception.runtime.preprocess import Geometry

SOURCE = (40, 60)
WHOLE = Geometry(SOURCE, (40.0, 60.0), (40, 60))
CHAIR, TABLE, NONE = 0, 1, 2
SURE = 8.0


def _raw(*queries: tuple[int, tuple[int, int, int, int]]) -> dict[str, np.ndarray]:
    """Class and rectangle (top, left, bottom, right) of each; masks as large as the source."""
    scores = np.zeros((len(queries), 3), np.float32)
    masks = np.full((len(queries), *SOURCE), -SURE, np.float32)
    for place, (class_id, (top, left, bottom, right)) in enumerate(queries):
        scores[place, class_id] = SURE
        masks[place, top:bottom, left:right] = SURE
    return {"query_scores": scores, "query_masks": masks}


def _found(kind: str, raw: dict[str, np.ndarray], geometry: Geometry = WHOLE, **fields: object) -> Segments:
    rule = dataclasses.replace(SegmentationRule(kind), **fields)
    return segments(raw, rule, geometry, geometry)


def test_semantic_gives_each_pixel_its_best_class() -> None:
    raw = _raw((CHAIR, (0, 0, 40, 30)), (TABLE, (0, 30, 40, 60)))
    found = _found("semantic", raw)
    expected = np.repeat([[CHAIR] * 30 + [TABLE] * 30], 40, axis=0)
    np.testing.assert_array_equal(found.segmentation.mask, expected)
    assert found.segmentation.confidence.min() > 240
    assert found.detection is None
    assert found.segmentation.instances is None


def test_panoptic_numbers_its_segments_and_boxes_them() -> None:
    raw = _raw((CHAIR, (5, 10, 25, 30)), (NONE, (0, 0, 40, 60)), (CHAIR, (10, 40, 30, 50)))
    found = _found("panoptic", raw, interpolated="logits")
    instances = np.zeros(SOURCE, np.uint16)
    instances[5:25, 10:30], instances[10:30, 40:50] = 1, 2
    np.testing.assert_array_equal(found.segmentation.instances, instances)
    np.testing.assert_array_equal(found.segmentation.mask, np.where(instances > 0, CHAIR, 255))
    assert (found.segmentation.confidence[instances == 0] == 0).all()
    assert found.detection is not None
    assert found.detection.instance_ids is not None
    assert found.detection.instance_ids.tolist() == [1, 2]
    assert found.detection.class_ids.tolist() == [CHAIR, CHAIR]
    np.testing.assert_array_equal(found.detection.boxes, [[10, 5, 30, 25], [40, 10, 50, 30]])


def test_mask_formers_leave_no_pixel_over() -> None:
    found = _found("panoptic", _raw((CHAIR, (5, 10, 25, 30)), (TABLE, (20, 40, 40, 60))))
    assert set(np.unique(found.segmentation.instances)) == {1, 2}


@pytest.mark.parametrize(("least", "count"), [(0.8, 1), (0.3, 2)])
def test_what_keeps_too_little_of_its_mask_is_dropped(least: float, count: int) -> None:
    raw = _raw((CHAIR, (0, 0, 20, 20)), (TABLE, (0, 8, 20, 28)))
    raw["query_scores"][0, CHAIR] += 1
    found = _found("panoptic", raw, interpolated="logits", overlap_threshold=least)
    assert found.detection is not None
    assert len(found.detection.boxes) == count
    assert (found.segmentation.mask[:20, :20] == CHAIR).all()


def test_fused_classes_become_one_segment() -> None:
    raw = _raw((TABLE, (0, 0, 10, 10)), (CHAIR, (20, 20, 30, 30)), (TABLE, (30, 40, 40, 60)))
    found = _found("panoptic", raw, interpolated="logits", fused=(TABLE,))
    assert found.detection is not None
    boxes = dict(zip(found.detection.class_ids.tolist(), found.detection.boxes.tolist(), strict=True))
    assert boxes == {TABLE: [0, 0, 60, 40], CHAIR: [20, 20, 30, 30]}


def test_instances_keep_the_box_of_what_is_hidden() -> None:
    raw = _raw((CHAIR, (0, 0, 20, 20)), (TABLE, (5, 5, 15, 15)))
    raw["query_scores"][1, TABLE] += 1  # the surer, painted first
    found = _found("instance", raw)
    assert set(np.unique(found.segmentation.instances)) == {0, 2}
    assert found.detection is not None
    assert found.detection.instance_ids is not None
    assert found.detection.instance_ids.tolist() == [1, 2]
    np.testing.assert_array_equal(found.detection.boxes, [[5, 5, 15, 15], [0, 0, 20, 20]])


def test_padding_is_cut_off_and_maps_may_be_smaller() -> None:
    padded = Geometry((80, 120), (40.0, 60.0), (64, 60))
    raw = _raw((CHAIR, (0, 0, 20, 30)))
    raw["query_masks"] = np.pad(raw["query_masks"], ((0, 0), (0, 24), (0, 0)), constant_values=SURE)
    rule = SegmentationRule("instance", interpolated="logits")
    found = segments(raw, rule, padded, padded.of_maps(0.5))
    assert found.segmentation.mask.shape == (40, 60)
    assert found.detection is not None
    np.testing.assert_array_equal(found.detection.boxes, [[0, 0, 60, 40]])


def test_a_threshold_cuts_boxes_alone() -> None:
    raw = _raw((CHAIR, (0, 0, 20, 20)), (TABLE, (20, 20, 40, 40)))
    raw["query_scores"][1, TABLE] = 1.5
    rule = SegmentationRule("instance")
    found = segments(raw, rule, WHOLE, WHOLE, threshold=0.9)
    assert found.detection is not None
    assert found.detection.class_ids.tolist() == [CHAIR]
    assert set(np.unique(found.segmentation.mask)) == {CHAIR, TABLE, 255}
