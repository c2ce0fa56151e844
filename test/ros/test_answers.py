"""A known image goes in; what the model says about it comes out, in source pixels and with its header."""

import array
import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from vision_msgs.msg import Classification, Detection2DArray, Detection3DArray, LabelInfo

from ros.graph import LATCHED, TINY, scene, values, wait_until
from vit_perception.nodes.camera_names import DEFAULT_TOPIC
from vit_perception.nodes.images import codec
from vit_perception.nodes.outputs.topics import TOPICS as TABLE
from vit_perception.nodes.qos import adopted, qos_profile
from vit_perception.runtime.points import POINT
from vit_perception.runtime.predictor import Predictor
from vit_perception.viz.draw import draw_attention, draw_overlay

ROOT = Path(__file__).parents[2]
TOPICS = {
    "classification": Classification,
    "detections": Detection2DArray,
    "tracks": Detection2DArray,
    "segmentation/mask": Image,
    "segmentation/confidence": Image,
    "navigation/action": Classification,
    "navigation/collision": Classification,
    "attention/heatmap": Image,
    "attention/overlay": Image,
    "overlay": Image,
}


@pytest.fixture(scope="module")
def predictor():
    return Predictor(TINY)


@pytest.fixture(scope="module")
def suite(graph):
    with graph.node("/answers"):
        yield "/answers"


@pytest.fixture(scope="module")
def message(graph):
    return graph.image()


@pytest.fixture(scope="module")
def answers(graph, suite, message):
    return graph.ask(suite, message, TOPICS)


@pytest.fixture(scope="module")
def perception(predictor):
    return predictor(scene())


@pytest.mark.parametrize("topic", TOPICS)
def test_answers_carry_the_header_of_their_image(answers, message, topic):
    assert answers[topic].header == message.header


def test_classes_over_the_threshold_best_first(answers, perception, predictor):
    expected = [
        (str(class_id), pytest.approx(score))
        for class_id, score in zip(
            perception.classification.class_ids, perception.classification.scores, strict=True
        )
    ]
    assert [(r.class_id, r.score) for r in answers["classification"].results] == expected


def test_boxes_in_source_pixels(answers, perception):
    detections = answers["detections"].detections
    assert len(detections) == len(perception.detection.boxes) > 0
    for message, box, class_id, score in zip(
        detections,
        perception.detection.boxes,
        perception.detection.class_ids,
        perception.detection.scores,
        strict=True,
    ):
        centre, (hypothesis,) = message.bbox.center.position, message.results
        assert (centre.x - message.bbox.size_x / 2, centre.y - message.bbox.size_y / 2) == pytest.approx(
            box[:2]
        )
        assert (centre.x + message.bbox.size_x / 2, centre.y + message.bbox.size_y / 2) == pytest.approx(
            box[2:]
        )
        assert hypothesis.hypothesis.class_id == str(class_id)
        assert hypothesis.hypothesis.score == pytest.approx(score)
        assert message.header == answers["detections"].header
        assert message.id == ""


def test_tracks_are_the_detections_with_ids(answers):
    """Faint boxes, which only tracks are told, begin nothing."""
    detections, tracks = answers["detections"].detections, answers["tracks"].detections
    for of_track, of_detection in zip(tracks, detections, strict=True):
        assert (of_track.bbox, of_track.results) == (of_detection.bbox, of_detection.results)
    assert len({each.id for each in tracks}) == len(tracks)
    assert all(int(each.id) > 0 for each in tracks)


def test_faint_boxes_are_for_tracks_alone(graph, message, perception):
    """Neither `detections` nor `detections_3d` has them, while somebody subscribes to all three.

    Tracks and boxes in metres, which both need `camera_info`, share one subscription to it.
    """
    height, width = scene().shape[:2]
    k = [100.0, 0.0, 99.5, 0.0, 100.0, 74.5, 0.0, 0.0, 1.0]
    topics = {"tracks": Detection2DArray, "detections": Detection2DArray, "detections_3d": Detection3DArray}
    info = graph.client.create_publisher(CameraInfo, "/faint/camera_info", LATCHED)
    depth = graph.client.create_publisher(Image, "/faint/depth_image", LATCHED)
    info.publish(CameraInfo(height=height, width=width, k=k))
    depth.publish(codec.encode(np.full((height, width), 2, np.float32), "32FC1", message.header))
    least = float(np.median(perception.detection.scores))
    for name, kind in topics.items():
        graph.listen(f"/faint/{name}", kind)  # until the end
    with graph.node("/faint", ("detection",), detection__threshold=least):
        found = graph.ask("/faint", message, topics)
        assert graph.client.count_subscribers("/faint/camera_info") == 1
    graph.destroy(info, depth)
    sure = pytest.approx([score for score in perception.detection.scores if score >= least])
    for name in ("detections", "detections_3d"):
        assert [each.results[0].hypothesis.score for each in found[name].detections] == sure, name


def test_pictures_of_the_size_of_the_image(answers, perception, predictor):
    rgb = cv2.cvtColor(scene(), cv2.COLOR_BGR2RGB)
    segmentation, heatmap = perception.segmentation, perception.attention.heatmap
    for topic, encoding, expected in (
        ("segmentation/mask", "mono8", segmentation.mask),
        ("segmentation/confidence", "mono8", segmentation.confidence),
        ("attention/heatmap", "32FC1", heatmap),
        ("attention/overlay", "rgb8", draw_attention(rgb, heatmap)),
    ):
        assert answers[topic].encoding == encoding
        np.testing.assert_allclose(
            codec.decode(answers[topic], "passthrough"), expected, atol=1e-6, err_msg=topic
        )


def test_overlay_shows_what_was_published(answers, perception, predictor):
    shown = dataclasses.replace(perception, attention=None)
    rgb = cv2.cvtColor(scene(), cv2.COLOR_BGR2RGB)
    expected = draw_overlay(rgb, shown, predictor.labels)
    assert answers["overlay"].encoding == "rgb8"
    np.testing.assert_array_equal(codec.decode(answers["overlay"], "rgb8"), expected)


def test_navigation_by_name(graph, suite, answers, perception):
    received = graph.listen(f"{suite}/navigation/label_info", LabelInfo, LATCHED)
    classes = wait_until(lambda: received, "names of the actions")[-1].class_map
    names = {str(entry.class_id): entry.class_name for entry in classes}
    results = answers["navigation/action"].results
    expected = dict(
        zip(perception.navigation.actions, perception.navigation.action_scores.tolist(), strict=True)
    )
    assert {names[r.class_id]: r.score for r in results} == pytest.approx(expected)
    assert results[0].score == max(expected.values())
    (collision,) = answers["navigation/collision"].results
    assert (names[collision.class_id], collision.score) == (
        "collision",
        pytest.approx(perception.navigation.collision),
    )


@pytest.mark.parametrize("topic", ["label_info", "segmentation/label_info"])
def test_labels_wait_for_whoever_comes_late(graph, suite, predictor, topic):
    received = graph.listen(f"{suite}/{topic}", LabelInfo, LATCHED)
    (message,) = wait_until(lambda: received, topic)
    assert [(c.class_id, c.class_name) for c in message.class_map] == list(enumerate(predictor.card.labels))
    assert message.threshold == pytest.approx(0.3 if topic == "label_info" else 0.0)


def test_what_is_published_is_in_the_table(graph, suite, answers):
    """All outputs but those of other kinds of model, or of heads that were not trained."""
    absent = {
        *("classification/label_info", "segmentation/instances"),
        *("depth", "depth/relative", "navigation/goal_distance"),
        *("navigation/path", "navigation/scan", "navigation/cmd_vel"),
    }
    expected = {
        topic.name: (topic.message_type, topic.qos)
        for topic in TABLE.values()
        if not topic.is_input and topic.name not in absent
    }
    assert graph.published(suite) == expected
    assert adopted([]) == qos_profile(TABLE[DEFAULT_TOPIC].qos)


def test_rviz_gets_what_it_asks_for(graph, suite, answers):
    """Each display of the layout: its topic is published with its type, and its QoS receives from ours."""
    published = graph.published(suite)
    layout = yaml.safe_load((ROOT / "config" / "perception.rviz").read_text())
    displays = layout["Visualization Manager"]["Displays"]
    shown = {display["Name"]: display["Topic"] for display in displays}
    assert {topic["Value"] for topic in shown.values()} - set(published) == {"image", "image/compressed"}
    classes = {each["Name"]: each["Class"].removeprefix("rviz_default_plugins/") for each in displays}
    for name, topic in shown.items():
        if classes[name] == "Image":
            assert name in layout["Window Geometry"]  # the display's window has a place
        if topic["Value"] not in published:
            assert TABLE[topic["Value"]].is_input  # a camera of either kind sends it
            assert topic["Reliability Policy"] == "Best Effort"
            continue
        kind, offered = published[topic["Value"]]
        assert kind == f"sensor_msgs/msg/{classes[name]}"
        assert topic["Reliability Policy"] == "Best Effort" or offered.reliable
        assert topic["Durability Policy"] == "Volatile" or offered.transient_local
    points = next(display for display in displays if display["Class"].endswith("PointCloud2"))
    assert points["Topic"]["Value"] == "segmentation/points"
    assert points["Channel Name"] in POINT.fields
    assert not points["Enabled"]  # who has no depth camera would be warned


def _padded(message, extra=5):
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    message.data = array.array("B", np.pad(rows, ((0, 0), (0, extra))).tobytes())
    message.step += extra
    return message


@pytest.mark.parametrize("kind", ["rgb8", "bgra8", "padded"])
def test_encodings_give_the_same_answer(graph, suite, answers, kind):
    encoding = "bgr8" if kind == "padded" else kind
    message = codec.encode(scene(), encoding, graph.header(), source="bgr8")
    asked = _padded(message) if kind == "padded" else message
    answer = graph.ask(suite, asked, {"segmentation/mask": Image})["segmentation/mask"]
    assert answer.data == answers["segmentation/mask"].data


def test_compressed_images(graph, answers):
    with graph.node("/compressed", ("segmentation",), image_transport="compressed"):
        data = array.array("B", cv2.imencode(".png", scene())[1].tobytes())
        message = CompressedImage(header=graph.header(), format="bgr8; png compressed bgr8", data=data)
        answer = graph.ask("/compressed", message, {"segmentation/mask": Image})["segmentation/mask"]
    assert answer.data == answers["segmentation/mask"].data


def test_a_scene_with_nothing_in_it_is_answered(graph):
    with graph.node("/nothing", classification__threshold=1.0, detection__threshold=1.0):
        message = graph.image(np.zeros((90, 120, 3), np.uint8))
        topics = {"classification": Classification, "detections": Detection2DArray, "overlay": Image}
        answers = graph.ask("/nothing", message, topics)
    assert answers["classification"].results == []
    assert answers["detections"].detections == []
    assert (answers["overlay"].height, answers["overlay"].width) == (90, 120)


def test_images_are_subscribed_to_while_somebody_subscribes_to_results(graph):
    """And /diagnostics says what it therefore does not know."""
    name, image = "/lazy/perception", "/lazy/image"
    with graph.node("/lazy"):
        publisher = graph.client.create_publisher(Image, image, 10)

        def send():
            publisher.publish(graph.image())

        status = graph.status(name, lambda status: "whether images come is not known" in status.message, send)
        assert status.level == DiagnosticStatus.WARN
        assert f"{image} is not subscribed to" in status.message
        assert values(status)["frames_received"] == "0"
        assert graph.client.count_subscribers(image) == 0
        received = []
        results = graph.client.create_subscription(Detection2DArray, "/lazy/detections", received.append, 10)
        wait_until(lambda: received, "an answer", send)
        assert graph.client.count_subscribers(image) == 1
        assert graph.set(name, enabled_tasks=["attention"]).successful
        wait_until(lambda: not graph.client.count_subscribers(image), "the end of the subscription")
        assert graph.set(name, enabled_tasks=["detection"]).successful
        wait_until(lambda: graph.client.count_subscribers(image), "another subscription")
        graph.destroy(results)
        wait_until(lambda: not graph.client.count_subscribers(image), "the end of the subscription")
        status = graph.status(name, lambda status: "whether images come" in status.message, send)
        assert values(status)["frames_lost"] == "0"
        graph.destroy(publisher)
