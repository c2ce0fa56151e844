"""The model that is shipped, live: photographs with a known subject, as a robot would hear of it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
skimage = pytest.importorskip("skimage", reason="the photographs come with scikit-image")
from sensor_msgs.msg import Image
from vision_msgs.msg import Classification, Detection2DArray, LabelInfo

from ros.graph import LATCHED, wait_until
from vit_perception.cards.card import load_card
from vit_perception.cards.locate import DEFAULT_MODEL, installed_models
from vit_perception.nodes.images import codec

if DEFAULT_MODEL not in installed_models():
    pytest.skip(f"model {DEFAULT_MODEL} is not installed", allow_module_level=True)

TOPICS = {
    "classification": Classification,
    "detections": Detection2DArray,
    "segmentation/mask": Image,
    "attention/heatmap": Image,
}
# What each shows, a label or a group of labels. Boxes by hand, in pixels of the photograph.
SUBJECTS = {
    "astronaut.png": ("person", (20, 15, 400, 512)),
    "chelsea.png": ("animal", (0, 0, 400, 300)),
    "motorcycle_left.png": ("vehicle", (96, 100, 705, 450)),
}


@pytest.fixture(scope="module")
def suite(graph):
    with graph.node("/default", model=DEFAULT_MODEL):
        yield "/default"


@pytest.fixture(scope="module")
def names(graph, suite):
    """Label and group by class id."""
    received = graph.listen(f"{suite}/label_info", LabelInfo, LATCHED)
    (message,) = wait_until(lambda: received, "label_info")
    card = load_card(installed_models()[DEFAULT_MODEL])
    groups = card.coarse or card.labels
    return {str(entry.class_id): (entry.class_name, groups[entry.class_id]) for entry in message.class_map}


def _overlap(box, other):
    """Intersection over union of two boxes."""
    sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    common = sides.clip(min=0).prod()
    return common / (sum(np.prod(np.subtract(b[2:], b[:2])) for b in (box, other)) - common)


def _box(detection):
    centre, size = detection.bbox.center.position, (detection.bbox.size_x, detection.bbox.size_y)
    return np.array([centre.x, centre.y, centre.x, centre.y]) + np.array([-0.5, -0.5, 0.5, 0.5]) * (
        *size,
        *size,
    )


def _answers(graph, suite, file):
    picture = cv2.imread(str(Path(skimage.__file__).parent / "data" / file))
    if picture is None:
        pytest.skip(f"this scikit-image ships no {file}")
    message = graph.image(picture)
    answers = graph.ask(suite, message, TOPICS)
    assert all(answer.header == message.header for answer in answers.values())
    return picture, answers


@pytest.mark.parametrize("file", SUBJECTS)
def test_the_subject_is_boxed(graph, suite, names, file):
    subject, truth = SUBJECTS[file]
    _, answers = _answers(graph, suite, file)
    boxes = [
        _box(d)
        for d in answers["detections"].detections
        if subject in names[d.results[0].hypothesis.class_id]
    ]
    assert max((_overlap(box, np.array(truth)) for box in boxes), default=0.0) > 0.5


@pytest.mark.parametrize("file", SUBJECTS)
def test_the_subject_is_named_and_masked(graph, suite, names, file):
    subject, truth = SUBJECTS[file]
    picture, answers = _answers(graph, suite, file)
    assert any(subject in names[result.class_id] for result in answers["classification"].results[:2])

    mask = codec.decode(answers["segmentation/mask"], "mono8")
    assert mask.shape == picture.shape[:2]
    left, top, right, bottom = truth
    inside = mask[top:bottom, left:right]
    assert subject in names[str(np.bincount(inside.ravel()).argmax())]

    heatmap = codec.decode(answers["attention/heatmap"], "32FC1")
    assert heatmap.shape == picture.shape[:2]
    assert heatmap.max() == pytest.approx(1.0, abs=0.05)
    assert heatmap.min() >= 0
