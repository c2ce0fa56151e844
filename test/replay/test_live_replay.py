"""Replays through real nodes in processes of their own, by the command that a user types."""

import json
import math
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import cv2
import pytest
from rosbags.rosbag2 import Reader, StoragePlugin

from replay.material import DELAY, SECOND, STAMP, write_bag, write_photos, write_rgbd_bag, write_video
from vit_perception.replay.cdr import COMPRESSED_IMAGE, stamp_ns

pytest.importorskip("rclpy", reason="replay needs ROS")
pytest.importorskip("vision_msgs", reason="the nodes need vision_msgs")

pytestmark = pytest.mark.live

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"
DEADLINE = 240
PER_FRAME = {
    "/classification": "vision_msgs/msg/Classification",
    "/detections": "vision_msgs/msg/Detection2DArray",
    "/segmentation/mask": "sensor_msgs/msg/Image",
    "/segmentation/confidence": "sensor_msgs/msg/Image",
    "/navigation/action": "vision_msgs/msg/Classification",
    "/navigation/collision": "vision_msgs/msg/Classification",
    "/attention/heatmap": "sensor_msgs/msg/Image",
    "/attention/overlay": "sensor_msgs/msg/Image",
}
FOXGLOVE = Path(__file__).parents[2] / "config" / "foxglove.json"
NUMBERS = ("double", "float")
LATCHED = ("/label_info", "/segmentation/label_info")


def command(source, output, *arguments):
    return [
        *(sys.executable, "-m", "vit_perception.cli", "replay", source, "--output", output),
        *("--model", TINY, *arguments),
    ]


def replay(source, output, *arguments):
    """Run to the end; gives the summary."""
    done = subprocess.run(
        command(source, output, *arguments), capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return json.loads((output / "summary.json").read_text())


def recorded(folder):
    """Topic → its messages as (log time, CDR), and the bag's topics."""
    messages = defaultdict(list)
    with Reader(folder / "results.mcap") as reader:
        for connection, when, data in reader.messages():
            messages[connection.topic].append((when, bytes(data)))
        return messages, dict(reader.topics)


def without_stamps(cdr, message_type):
    """The message, with the stamp of its frame taken out of its header and those of all its parts."""
    from rclpy.serialization import deserialize_message

    from vit_perception.nodes.outputs.topics import message_class

    return deserialize_message(cdr.replace(cdr[4:12], bytes(8)), message_class(message_type))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("material") / "photos", 4)


@pytest.fixture(scope="module")
def composed(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("composed")
    return folder, replay(photos, folder)


@pytest.fixture(scope="module")
def separate(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("separate")
    return folder, replay(photos, folder, "--separate", "--no-overlays")


@pytest.mark.parametrize("run", ["composed", "separate"])
def test_lockstep_answers_every_frame_on_every_topic(run, request):
    _, summary = request.getfixturevalue(run)
    assert list(summary) == [
        *("frames_in", "frames_processed", "dropped", "model", "engine", "precision", "notes", "topics")
    ]
    assert summary["notes"] == []
    assert (summary["frames_in"], summary["frames_processed"], summary["dropped"]) == (4, 4, 0)
    assert summary["model"] == "tiny"
    assert summary["engine"] in ("openvino", "onnxruntime", "torch")
    for name, message_type in PER_FRAME.items():
        topic = summary["topics"][name]
        assert (topic["type"], topic["count"]) == (message_type, 4)
        assert 0 < topic["latency_ms"]["p50"] <= topic["latency_ms"]["p99"]
        assert topic["hz"] > 0


def test_bag_holds_what_the_summary_says(composed):
    folder, summary = composed
    messages, topics = recorded(folder)
    assert set(topics) == {"/image", *summary["topics"]}
    for name, info in topics.items():
        if name != "/image":
            assert summary["topics"][name]["type"] == info.msgtype
            assert summary["topics"][name]["count"] == len(messages[name])
    with Reader(folder) as reader:  # the folder is a bag, too
        assert reader.message_count == sum(map(len, messages.values()))


def test_answers_carry_the_stamps_of_their_frames(composed):
    messages, _ = recorded(composed[0])
    stamps = [stamp_ns(cdr) for _, cdr in messages["/image"]]
    assert len(set(stamps)) == 4
    for name in PER_FRAME:
        assert [stamp_ns(cdr) for _, cdr in messages[name]] == stamps


@pytest.mark.parametrize("name", LATCHED)
def test_labels_are_recorded_latched(composed, name):
    messages, topics = recorded(composed[0])
    assert messages[name]
    (profile,) = topics[name].connections[0].ext.offered_qos_profiles
    assert profile.durability.name == "TRANSIENT_LOCAL"
    assert profile.reliability.name == "RELIABLE"


def test_foxglove_shows_what_is_recorded(composed):
    """Each panel of the layout has topics of a type that it takes, and fields that are there."""
    layout = json.loads(FOXGLOVE.read_text())
    _, topics = recorded(composed[0])
    shown = [part for name, panel in layout["configById"].items() for part in shown_by(name, panel)]
    assert len(shown) == len(layout["configById"]) + 1  # one has two curves
    for panel, path, types in shown:
        topic, _, fields = path.partition(".")
        message_type = topics[topic].msgtype
        assert types is None or message_type in types, panel
        last = type_of(message_type, fields)
        assert panel != "Plot" or last in NUMBERS
    assert sorted(panels_in(layout["layout"])) == sorted(layout["configById"])


def shown_by(name, panel):
    """(kind, path, types that it takes; None: all) of what a Foxglove panel shows."""
    kind = name.split("!")[0]
    if kind == "Image":
        return [(kind, panel["imageMode"]["imageTopic"], ("sensor_msgs/msg/Image",))]
    if kind == "DiagnosticSummary":
        return [(kind, panel["topicToRender"], ("diagnostic_msgs/msg/DiagnosticArray",))]
    if kind == "RawMessages":
        return [(kind, panel["topicPath"], None)]
    assert kind == "Plot", f"no such panel: {name}"
    return [(kind, path["value"], None) for path in panel["paths"]]


def panels_in(layout):
    if isinstance(layout, str):
        return [layout]
    return [panel for side in ("first", "second") for panel in panels_in(layout[side])]


def type_of(message_type, fields):
    """The type of a path such as `results[:].score`; without any, the message's."""
    from vit_perception.nodes.outputs.topics import message_class

    for field in filter(None, fields.split(".")):
        package, _, name = message_type.rpartition("/")
        kinds = message_class(f"{package.removesuffix('/msg')}/msg/{name}").get_fields_and_field_types()
        kind, is_list = re.fullmatch(r"(?:sequence<)?([^>]+)(>?)", kinds[field.partition("[")[0]]).groups()
        assert bool(is_list) == ("[" in field)
        message_type = kind
    return message_type


def test_an_overlay_for_each_photograph(composed):
    pictures = sorted((composed[0] / "overlays").iterdir())
    assert [path.name for path in pictures] == [f"photo_{index}.jpg" for index in range(4)]
    assert cv2.imread(str(pictures[0])).shape == (84, 112, 3)


def test_five_nodes_and_the_suite_say_the_same(composed, separate):
    suite, nodes = recorded(composed[0])[0], recorded(separate[0])[0]
    for name, message_type in PER_FRAME.items():
        first, second = (
            [without_stamps(cdr, message_type) for _, cdr in run[name]] for run in (suite, nodes)
        )
        assert first == second, name
    assert not (separate[0] / "overlays").exists()


@pytest.mark.parametrize(
    ("storage", "message_type"), [(StoragePlugin.MCAP, None), (StoragePlugin.SQLITE3, COMPRESSED_IMAGE)]
)
def test_bag_keeps_its_own_time(tmp_path, storage, message_type):
    topics = {"/camera": message_type} if message_type else None
    bag = write_bag(tmp_path / "bag", 3, storage, topics)
    summary = replay(bag, tmp_path / "out")
    assert (summary["frames_in"], summary["dropped"]) == (3, 0)
    assert summary["notes"] == [
        "The bag has no depth_image, no camera_info, no odom, so nothing is measured in metres."
    ]
    assert "/detections_3d" not in summary["topics"]
    messages, _ = recorded(tmp_path / "out")
    stamps = [STAMP + index * SECOND // 10 for index in range(3)]
    for name in PER_FRAME:
        times = sorted((stamp_ns(cdr), when) for when, cdr in messages[name])
        assert [stamp for stamp, _ in times] == stamps
        assert all(when > stamp + DELAY for stamp, when in times)
    assert len(list((tmp_path / "out" / "overlays").iterdir())) == 3


def test_a_depth_camera_that_stops_and_wrong_intrinsics(tmp_path):
    """Frames 0 to 2 have depth, 3 and 4 do not, and 5 and 6 have depth of a camera of another shape."""
    from rclpy.serialization import deserialize_message
    from sensor_msgs.msg import PointCloud2
    from vision_msgs.msg import Detection3DArray

    from ros.clouds import read_cloud

    bag = write_rgbd_bag(tmp_path / "bag", 7, depth=(0, 1, 2, 5, 6), wrong=(5, 6))
    summary = replay(bag, tmp_path / "out", "--tasks", "detection,segmentation", "--no-overlays")
    assert (summary["frames_in"], summary["dropped"]) == (7, 0)
    for name, count in (("/tracks", 7), ("/detections_3d", 3), ("/segmentation/points", 3)):
        assert summary["topics"][name]["count"] == count, name
    stopped, wrong = summary["notes"]
    assert stopped == "2 of 7 frames have no depth within 0.05 s, first 000004."
    assert wrong.startswith(
        "Not answered in metres: /detections_3d for 2, /segmentation/points for 2 of 7 frames. "
        "/camera_info: it describes images of 112x112 pixels, and they have 112x84; "
        "until then there are no detections_3d, segmentation/points"
    )
    messages, _ = recorded(tmp_path / "out")
    stamps = [STAMP + index * SECOND // 10 for index in range(3)]
    # By stamp: a slow answer may stand after one for the next frame.
    boxes, clouds = (
        sorted((cdr for _, cdr in messages[name]), key=stamp_ns)
        for name in ("/detections_3d", "/segmentation/points")
    )
    assert list(map(stamp_ns, boxes)) == list(map(stamp_ns, clouds)) == stamps
    for index, (box, cloud) in enumerate(zip(boxes, clouds, strict=True)):
        metres = 1 + 0.01 * index  # depth of this very frame
        found = deserialize_message(box, Detection3DArray).detections
        assert [each.bbox.center.position.z for each in found] == pytest.approx([metres] * len(found))
        points = read_cloud(deserialize_message(cloud, PointCloud2))
        assert points["z"] == pytest.approx(metres)
        assert points["x"][0, -1] > 0.4 * metres  # by the camera's own focal length


def test_a_navigator_gets_compressed_depth_and_its_goal_on_the_map(tmp_path):
    """Its node reads /tf once it has a goal, so first frames may be answered without: three seconds of them,
    for a report that comes each second."""
    from diagnostic_msgs.msg import DiagnosticArray
    from rclpy.serialization import deserialize_message
    from sensor_msgs.msg import Range

    from ros.graph import values

    depth = "/camera/depth/image/compressedDepth"
    bag = write_rgbd_bag(tmp_path / "bag", 32, range(32), depth_topic=depth, goal=True, compressed=True)
    model = Path(__file__).parents[1] / "fixtures" / "tiny_navigator"
    summary = replay(bag, tmp_path / "out", "--tasks", "navigation", "--no-overlays", "--model", model)
    assert (summary["frames_in"], summary["dropped"], summary["notes"]) == (32, 0, [])
    counts = {name: summary["topics"][f"/navigation/{name}"]["count"] for name in ("path", "scan", "action")}
    assert counts == {"path": 32, "scan": 32, "action": 32}
    messages, topics = recorded(tmp_path / "out")
    assert not topics.keys() & {"/goal_pose", "/tf", "/tf_static"}, "they stay in the bag that has them"
    metres = sorted(messages["/navigation/goal_distance"], key=lambda message: stamp_ns(message[1]))
    assert math.isfinite(deserialize_message(metres[-1][1], Range).range)
    reports = [deserialize_message(cdr, DiagnosticArray) for _, cdr in messages["/diagnostics"]]
    seen = [values(status).get("navigation_goal", "") for report in reports for status in report.status]
    assert any(each.startswith("2.2 m") for each in seen), seen
    depth = [values(status).get("depth_image") for report in reports for status in report.status]
    assert depth[-1] == "there", depth


def test_video_with_some_of_the_tasks(tmp_path):
    video = write_video(tmp_path / "clip.avi", 3)
    summary = replay(video, tmp_path / "out", "--tasks", "attention,navigation", "--engine", "onnxruntime")
    assert (summary["frames_in"], summary["dropped"]) == (3, 0)
    assert summary["engine"] == "onnxruntime"
    assert summary["topics"]["/navigation/action"]["count"] == 3
    assert "/detections" not in summary["topics"]


def test_real_time_counts_what_is_dropped(tmp_path):
    photos = write_photos(tmp_path / "photos", 60)
    summary = replay(photos, tmp_path / "out", "--rate", "500", "--no-overlays")
    messages, _ = recorded(tmp_path / "out")
    sent = [stamp_ns(cdr) for _, cdr in messages["/image"]]
    answered = set(sent).intersection(*({stamp_ns(cdr) for _, cdr in messages[name]} for name in PER_FRAME))
    assert summary["frames_in"] == len(sent) == 60
    assert summary["frames_processed"] == len(answered)
    assert summary["dropped"] == 60 - len(answered)
    assert sent[-1] in answered  # the newest frame is never the one that is dropped


def test_ctrl_c_leaves_a_readable_bag(tmp_path):
    photo = write_photos(tmp_path / "photos", 60)
    output = tmp_path / "out"
    process = subprocess.Popen(
        command(photo, output, "--rate", "2"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + DEADLINE
        while not (output / "results.mcap").exists() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    messages, _ = recorded(output)
    summary = json.loads((output / "summary.json").read_text())
    assert 0 < len(messages["/image"]) < 60
    assert summary["frames_in"] == len(messages["/image"])
