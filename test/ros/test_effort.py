"""How much a node does for a frame: sizes that the user sets, and those that the time allows."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from sensor_msgs.msg import Image
from vision_msgs.msg import Classification

from ros.graph import TINY, scene, values
from vit_perception.nodes.latency_budget import STEPS
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request

TOPICS = {"classification": Classification, "segmentation/mask": Image, "attention/heatmap": Image}

EVERY_CLASS = {"classification": 0.0}


def assert_answers(received, perception):
    expected = dict(
        zip(perception.classification.class_ids.tolist(), perception.classification.scores, strict=True)
    )
    found = {int(result.class_id): result.score for result in received["classification"].results}
    assert found.keys() == expected.keys()
    for class_id, score in found.items():
        assert score == pytest.approx(expected[class_id], abs=1e-6)
    mask = received["segmentation/mask"]
    assert (mask.height, mask.width) == perception.segmentation.mask.shape
    np.testing.assert_array_equal(
        np.frombuffer(mask.data, np.uint8).reshape(mask.height, mask.width), perception.segmentation.mask
    )


def test_sizes_change_at_run_time(graph):
    with graph.node("/sizes", classification__threshold=0.0):
        assert graph.set("/sizes/perception", input_scale=1.5, map_scale=0.5).successful
        received = graph.ask("/sizes", graph.image(), TOPICS)
    request = Request(thresholds=EVERY_CLASS, input_scale=1.5, map_scale=0.5)
    expected = Predictor(TINY)(scene(), request=request)
    assert_answers(received, expected)
    assert (received["attention/heatmap"].height, received["attention/heatmap"].width) == (75, 100)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("input_scale", 0.0, "input_scale: 0.0 is not a size: give it in input sizes of the model, from 0.1"),
        ("map_scale", 2.0, "map_scale: 2.0 is not a size: give it in sizes of the image, from 0.1 to 1"),
        ("max_latency_ms", -1, "max_latency_ms: -1 is not a time: give milliseconds, 0 for no limit"),
    ],
)
def test_wrong_values_are_refused(graph, name, value, says):
    with graph.node("/wrong_sizes", autostart=False):
        result = graph.set("/wrong_sizes/perception", **{name: value})
    assert not result.successful
    assert says in result.reason


def test_too_little_time_takes_the_smallest_input_and_says_so(graph):
    """What it answers then is what the same input answers when the user sets it."""
    with graph.node("/hurry", classification__threshold=0.0, max_latency_ms=0.001):
        graph.listen("/hurry/classification", Classification)
        with graph.stream("/hurry/image"):
            status = graph.status("/hurry/perception", lambda status: "least effort" in status.message)
        assert "over 0.001; input at 0.5 of its size" in values(status)["latency_budget"]
        received = graph.ask("/hurry", graph.image(), TOPICS)
        assert graph.set("/hurry/perception", max_latency_ms=0).successful
        again = graph.ask("/hurry", graph.image(), TOPICS)
    predictor = Predictor(TINY)
    least = Request(thresholds=EVERY_CLASS, input_scale=STEPS[-1].input_scale)
    assert_answers(received, predictor(scene(), request=least))
    assert_answers(again, predictor(scene(), request=Request(thresholds=EVERY_CLASS)))


def test_the_effort_returns_when_no_frame_passes(graph):
    with graph.node("/calm", max_latency_ms=0.001):
        graph.listen("/calm/classification", Classification)
        with graph.stream("/calm/image"):
            graph.status(
                "/calm/perception",
                lambda status: "only frames that need not wait" in values(status).get("latency_budget", ""),
            )
        graph.status(
            "/calm/perception",
            lambda status: values(status)["latency_budget"] == "measuring; input at 0.8 of its size",
        )
