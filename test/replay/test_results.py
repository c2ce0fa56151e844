"""A recorded run read back: every result of the table, with the labels and the identity of the nodes."""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="reading results needs ROS")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import Point, Pose, PoseStamped
from nav_msgs.msg import Path
from rclpy.serialization import serialize_message
from sensor_msgs.msg import LaserScan, Range
from std_msgs.msg import Header
from vision_msgs.msg import Classification, LabelInfo, ObjectHypothesis, VisionClass

from replay.material import picture
from vit_perception.nodes.images import codec
from vit_perception.nodes.outputs.topics import DIAGNOSTICS, TOPICS
from vit_perception.replay import results
from vit_perception.replay.recorder import Recorder
from vit_perception.replay.results import read_identity, read_results


@pytest.fixture
def record(tmp_path):
    def write(messages):
        """A bag of (topic, frame, message)."""
        path = tmp_path / "results.mcap"
        with Recorder(path) as recorder:
            for when, (name, frame, message) in enumerate(messages, start=1):
                topic = TOPICS[name]
                full = f"/{name.strip('/')}"
                recorder.add_topic(full, topic.message_type, topic.qos)
                recorder.write(full, serialize_message(message), log_ns=when, publish_ns=when, frame=frame)
        return path

    return write


def test_every_result_but_drawings_can_be_read():
    """What is in metres is left out: it is boxes, mask and depth again, as tracks are boxes. A velocity is of
    the node."""
    per_frame = {f"/{topic.name}" for topic in TOPICS.values() if topic.per_frame}
    others = {"/overlay", "/attention/overlay", "/tracks", "/navigation/cmd_vel"}
    others |= {"/detections_3d", "/segmentation/points"}
    assert set(results._READERS) == per_frame - others


def test_a_path_and_a_scan_come_back(record):
    way = Path(poses=[PoseStamped(pose=Pose(position=Point(x=x, y=0.5))) for x in (1.0, 2.0)])
    scan = LaserScan(angle_min=-0.5, angle_increment=0.5, ranges=[1.0, 2.0, math.inf])
    image = codec.encode(picture(0), "bgr8", Header())
    path = record([("image", 1, image), ("navigation/path", 1, way), ("navigation/scan", 1, scan)])
    (answered,) = results.read_results(path)
    found = answered.perception.navigation
    np.testing.assert_allclose(found.path, [(1.0, 0.5), (2.0, 0.5)])
    np.testing.assert_allclose(found.scan, [1.0, 2.0, np.inf])
    np.testing.assert_allclose(found.scan_angles, [-0.5, 0.0, 0.5], atol=1e-6)


def test_results_come_back_with_their_frame(record):
    image = codec.encode(picture(0), "bgr8", Header())
    depth = np.linspace(1, 2, 84 * 112, dtype=np.float32).reshape(84, 112)
    labels = LabelInfo(class_map=[VisionClass(class_id=3, class_name="cup")])
    actions = LabelInfo(class_map=[VisionClass(class_id=1, class_name="forward")])
    found = Classification(results=[ObjectHypothesis(class_id="3", score=0.5)])
    path = record(
        [
            ("label_info", 0, labels),
            ("image", 1, image),
            ("classification", 1, found),
            ("depth/relative", 1, codec.encode(depth, "32FC1", Header())),
            ("navigation/label_info", 0, actions),
            ("navigation/action", 1, Classification(results=[ObjectHypothesis(class_id="1", score=0.75)])),
            ("navigation/goal_distance", 1, Range(range=2.5)),
            ("image", 2, image),  # has no results
        ]
    )
    (frame,) = read_results(path)
    assert frame.index == 1
    np.testing.assert_array_equal(frame.image, picture(0)[..., ::-1])
    assert frame.labels["classification"] == {3: "cup"}
    perception = frame.perception
    assert perception.classification.class_ids.tolist() == [3]
    assert not perception.depth.metric
    np.testing.assert_array_equal(perception.depth.depth, depth)
    assert perception.navigation.goal_distance == 2.5
    assert perception.navigation.actions == ("forward",)
    assert perception.navigation.action_scores.tolist() == [0.75]
    assert perception.detection is None


def test_a_mask_without_its_confidence_is_left_out(record):
    image = codec.encode(picture(0), "bgr8", Header())
    mask = codec.encode(np.zeros((84, 112), np.uint8), "mono8", Header())
    (frame,) = read_results(record([("image", 1, image), ("segmentation/mask", 1, mask)]))
    assert frame.perception.segmentation is None


def test_identity_is_what_the_nodes_report(record):
    reports = [
        DiagnosticArray(status=[DiagnosticStatus(values=[KeyValue(key="model", value=name)])])
        for name in ("tiny", "yolos")
    ]
    path = record([(DIAGNOSTICS, 0, report) for report in reports])
    assert read_identity(path) == {"model": "tiny, yolos", "engine": "unknown", "precision": "unknown"}
