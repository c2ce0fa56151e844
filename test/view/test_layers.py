"""Names of topics: which camera, which layer, which labels."""

import pytest

from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.view.layers import LABEL_TOPICS, LAYERS, labels_of, split


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        ("/detections", ("", "detections")),
        ("/front/detections", ("/front", "detections")),
        ("/depth/relative", ("", "depth/relative")),
        ("/robot/front/segmentation/mask", ("/robot/front", "segmentation/mask")),
        ("/front/segmentation/label_info", ("/front", "segmentation/label_info")),
        ("/front/classification/label_info", ("/front", "classification/label_info")),
        ("/front/label_info", ("/front", "label_info")),
        ("/front/tracks", ("/front", "tracks")),
        ("/front/overlay", None),
        ("/mydetections", None),
    ],
)
def test_split(topic, found):
    assert split(topic) == found


def test_the_table_has_them():
    later = {"tracks"}  # published by nodes that track
    assert {*LAYERS, *LABEL_TOPICS} - later <= set(TOPICS)


def test_labels():
    own = {"label_info": {"0": "cat"}, "segmentation/label_info": {"0": "wall"}}
    assert labels_of("classification", own) == {"0": "cat"}
    assert labels_of("classification", {**own, "classification/label_info": {"0": "tabby"}}) == {"0": "tabby"}
    assert labels_of("segmentation/mask", own) == {"0": "wall"}
    assert labels_of("depth", own) == {}
    assert labels_of("detections", {}) == {}
