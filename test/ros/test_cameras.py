"""Several cameras on one suite: each one's answers under its name, however the others do."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from sensor_msgs.msg import Image
from vision_msgs.msg import Classification, LabelInfo

from ros.graph import LATCHED, TINY, scene, values, wait_until
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request

CAMERAS = ("front", "rear")


@pytest.fixture(scope="module")
def suite(graph):
    topics = [f"{camera}/image_raw" for camera in (*CAMERAS, "silent")]
    with graph.node("/cameras", image_topics=topics, classification__threshold=0.0):
        yield "/cameras"


def scores(message):
    return {int(result.class_id): result.score for result in message.results}


def test_each_camera_is_answered_under_its_name(graph, suite):
    """Both send without pause, so that frames meet in a batch; the third camera never says a word."""
    pictures = {camera: scene(seed=seed) for seed, camera in enumerate(CAMERAS)}
    received = {
        camera: graph.listen(f"{suite}/{camera}/classification", Classification) for camera in CAMERAS
    }
    labels = graph.listen(f"{suite}/front/label_info", LabelInfo, LATCHED)
    publishers = {
        camera: graph.client.create_publisher(Image, f"{suite}/{camera}/image_raw", 10) for camera in CAMERAS
    }
    sent = {camera: [] for camera in CAMERAS}

    def send():
        for camera, publisher in publishers.items():
            message = graph.image(pictures[camera])
            message.header.frame_id = camera
            sent[camera].append(message.header)
            publisher.publish(message)

    wait_until(lambda: all(len(answers) >= 5 for answers in received.values()), "five answers each", send)
    graph.destroy(*publishers.values())
    predictor, request = Predictor(TINY), Request(thresholds={"classification": 0.0})
    for camera in CAMERAS:
        expected = predictor(pictures[camera], request=request).classification
        wanted = dict(zip(expected.class_ids.tolist(), expected.scores.tolist(), strict=True))
        for message in received[camera]:
            assert message.header in sent[camera]
            found = scores(message)
            assert found.keys() == wanted.keys()
            np.testing.assert_allclose(
                [found[key] for key in wanted], list(wanted.values()), atol=2e-3, err_msg=camera
            )
    assert wait_until(lambda: labels, "labels under the camera's name")[0].class_map


def test_a_silent_camera_is_named(graph, suite):
    graph.listen(f"{suite}/silent/classification", Classification)
    said = "nobody publishes /cameras/silent/image_raw"
    status = graph.status(f"{suite}/perception", lambda status: said in status.message)
    for camera in (*CAMERAS, "silent"):
        assert f"{suite}/{camera}/image_raw" in values(status)["input_topic"]


def test_a_bad_frame_of_one_camera_is_not_the_others_business(graph, suite):
    bad = graph.image()
    bad.encoding = "banana"
    rear = graph.client.create_publisher(Image, f"{suite}/rear/image_raw", 10)
    front = graph.client.create_publisher(Image, f"{suite}/front/image_raw", 10)
    graph.listen(f"{suite}/rear/classification", Classification)
    answers = graph.listen(f"{suite}/front/classification", Classification)

    def send():
        rear.publish(bad)
        front.publish(graph.image())

    status = graph.status(f"{suite}/perception", lambda status: "banana" in status.message, send)
    assert int(values(status)["errors"]) >= 1
    wait_until(lambda: answers, "the front camera's answer", send)
    graph.destroy(rear, front)


@pytest.mark.parametrize(
    ("topics", "says"),
    [
        (["front/image", "front/image_raw"], "would both publish under front"),
        (["bad topic"], "'bad topic' is not the name of a topic"),
    ],
)
def test_wrong_topics_are_refused_at_the_start(graph, topics, says):
    with pytest.raises(ValueError, match=says), graph.node("/wrong_cameras", image_topics=topics):
        pass
