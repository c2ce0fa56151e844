"""Teachers from files and from the suite, and what is wrong with a file that does not fit its contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino")
pytest.importorskip("onnx")

from data.teachers.tiny_teachers import write_detector, write_segmenter
from vit_perception.data.teachers.find import find_teacher

TINY = Path(__file__).resolve().parents[2] / "fixtures" / "tiny"


def test_a_detector(tmp_path: Path) -> None:
    teacher = find_teacher(str(write_detector(tmp_path))).load()
    assert (teacher.name, teacher.box_labels, teacher.mask_labels) == ("finder", ("person", "dog"), ())
    image = np.full((60, 100, 3), (204, 51, 0), np.uint8)
    found = teacher(image)
    np.testing.assert_allclose(found.boxes, [[0, 15, 50, 45], [50, 15, 100, 45]], atol=1e-3)
    np.testing.assert_array_equal(found.class_ids, [0, 1])
    np.testing.assert_allclose(found.scores, [0.8, 0.2], atol=1e-3)
    assert found.mask is None


def test_a_segmenter(tmp_path: Path) -> None:
    teacher = find_teacher(str(write_segmenter(tmp_path))).load()
    assert (teacher.box_labels, teacher.mask_labels) == ((), (None, "grass", "person"))
    image = np.zeros((64, 96, 3), np.uint8)
    image[:32, :, 1] = 200
    image[32:, :, 2] = 200
    found = teacher(image)
    assert found.mask is not None
    assert found.mask.shape == (64, 96)
    np.testing.assert_array_equal(np.unique(found.mask[:31]), [1])
    np.testing.assert_array_equal(np.unique(found.mask[33:]), [2])


def test_a_contract_may_be_given_itself(tmp_path: Path) -> None:
    write_segmenter(tmp_path)
    assert find_teacher(str(tmp_path / "painter.yaml")).path == tmp_path / "painter.onnx"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("size: [32, 32]", "size: [64, 32]", r"takes \[1,3,32,32\] of float32.*\[1, 3, 64, 32\]"),
        ("size_input: sizes", "size_input: shape", "inputs images, sizes.*picture and shape"),
        (", size_input: sizes", "", "inputs images, sizes"),
        ("std: 255", "dtype: uint8", "of uint8"),
        ("[class_ids, boxes, scores]", "[class_ids, boxes, score]", "no output score, only class_ids"),
        ("[class_ids, boxes, scores]", "[boxes, class_ids, scores]", "outputs have shapes"),
        ("labels: [person, dog]", "labels: [person]", "class 1, and there are 1 labels"),
        ("{kind: boxes, names: [class_ids, boxes, scores]}", "{kind: class_map}", "does not fit|shape"),
        (
            "{kind: boxes, names: [class_ids, boxes, scores]}",
            "{kind: picodet, strides: [8, 16]}",
            "reads 4 outputs",
        ),
    ],
)
def test_a_contract_that_does_not_describe_the_file(tmp_path: Path, old: str, new: str, reason: str) -> None:
    file = write_detector(tmp_path)
    contract = file.with_suffix(".yaml")
    assert old in contract.read_text()
    contract.write_text(contract.read_text().replace(old, new))
    if "class 1" in reason:  # shows where a dog is found
        teacher = find_teacher(str(file)).load
        with pytest.raises(ValueError, match=reason):
            teacher()(np.full((60, 100, 3), 200, np.uint8))
        return
    with pytest.raises(ValueError, match=reason) as caught:
        find_teacher(str(file)).load()
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    file = write_segmenter(tmp_path)
    file.write_bytes(b"not a model")
    with pytest.raises(ValueError, match="cannot be read as a model") as caught:
        find_teacher(str(file)).load()
    assert "\n" not in str(caught.value)


def test_a_model_of_the_suite() -> None:
    teacher = find_teacher(str(TINY)).load(mask_confidence=0.0)
    assert teacher.box_labels
    assert teacher.mask_labels
    assert not teacher.gives_depth
    found = teacher(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8))
    assert found.mask is not None
    assert found.mask.shape == (48, 64)
    assert len(found.boxes) == len(found.class_ids) == len(found.scores)
    assert not len(found.class_ids) or found.class_ids.max() < len(teacher.box_labels)
    careful = find_teacher(str(TINY)).load(mask_confidence=1.0)(np.zeros((48, 64, 3), np.uint8))
    assert careful.mask is not None
    assert (careful.mask == 255).mean() > (found.mask == 255).mean()
