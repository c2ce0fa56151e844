import json

import cv2
import numpy as np
import pytest

from vit_perception.data.classes import COARSE, LABELS, THINGS, thing_of_box
from vit_perception.data.coco import load_photographs, split
from vit_perception.runtime.results import UNLABELLED


@pytest.fixture
def folder(tmp_path):
    """Three photographs: a person (COCO category 1) on a road (149), unlabelled around; one has no mask."""
    for name in ("images", "boxes", "panoptic"):
        (tmp_path / name).mkdir()
    annotations = []
    for name in ("a", "b", "c"):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.jpg"), np.full((40, 60, 3), 90, np.uint8))
        (tmp_path / "boxes" / f"{name}.txt").write_text("0 0.5 0.5 0.4 0.5\n39 0.1 0.1 0.1 0.1\n")
    ids = np.zeros((40, 60), np.uint32)
    ids[10:30, 18:42], ids[30:, :] = 70_000, 5
    colours = np.stack([ids // 65536, ids // 256 % 256, ids % 256], axis=-1).astype(np.uint8)
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / "panoptic" / f"{name}.png"), colours)
        segments = [
            {"id": 70_000, "category_id": 1, "bbox": [18, 10, 24, 20], "iscrowd": 0},
            {"id": 5, "category_id": 149, "bbox": [0, 30, 60, 10], "iscrowd": 0},
        ]
        annotations.append({"file_name": f"{name}.png", "segments_info": segments})
    (tmp_path / "panoptic.json").write_text(json.dumps({"annotations": annotations}))
    return tmp_path


def test_boxes_masks_and_cutouts(folder):
    a, _, c = load_photographs(folder)
    np.testing.assert_allclose(a.boxes, [[18, 10, 42, 30], [3, 2, 9, 6]], atol=1e-4)
    assert [LABELS[i] for i in a.class_ids] == ["person", "food"]
    assert a.semantic[20, 30] == LABELS.index("person")
    assert a.semantic[35, 5] == LABELS.index("ground")
    assert a.semantic[2, 2] == UNLABELLED
    assert [(cut.rgb.shape, LABELS[cut.class_id]) for cut in a.cutouts] == [((20, 24, 3), "person")]
    assert not c.labelled
    assert (c.semantic == UNLABELLED).all()
    assert len(c.boxes) == 2, "a photograph without a mask still trains detection"


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no photographs in .*images"):
        load_photographs(tmp_path)


def test_split_is_complete_and_repeatable(folder):
    photographs = load_photographs(folder)
    trained, held = split(photographs, fraction=0.34)
    assert sorted(p.name for p in trained + held) == ["a", "b", "c"]
    assert held
    again = split(list(reversed(photographs)), fraction=0.34)
    assert [sorted(p.name for p in part) for part in again] == [
        sorted(p.name for p in x) for x in (trained, held)
    ]


def test_every_category_has_one_class():
    assert set(COARSE.values()) == set(range(len(LABELS)))
    assert len(COARSE) == 133  # 80 things and 53 kinds of stuff in COCO panoptic
    boxed = {thing_of_box(index) for index in range(80)}
    assert boxed == {*THINGS, None}
    with pytest.raises(ValueError, match="box category 80"):
        thing_of_box(80)
