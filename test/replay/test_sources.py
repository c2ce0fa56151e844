"""Frames out of bags, videos and photographs, and what is said about inputs that are none."""

import shutil

import cv2
import numpy as np
import pytest
from rosbags.interfaces import TopicInfo
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from replay.material import (
    AHEAD,
    DELAY,
    SECOND,
    STAMP,
    picture,
    write_bag,
    write_photos,
    write_rgbd_bag,
    write_video,
)
from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.replay.cdr import (
    COMPRESSED_IMAGE,
    IMAGE,
    TRANSFORMS,
    serialize_bgr,
    stamp_ns,
    stamps_ns,
    with_stamp,
)
from vit_perception.replay.sources import SourceError, open_source
from vit_perception.replay.sources.beside import find_beside


def pixels(frame):
    message = get_typestore(Stores.ROS2_JAZZY).deserialize_cdr(frame.cdr, IMAGE)
    return message.data.reshape(message.height, message.width, 3)


def test_folder_in_order_of_names(tmp_path):
    source = open_source(write_photos(tmp_path / "photos", 3))
    frames = list(source)
    assert source.message_type == IMAGE
    assert len(source) == 3
    assert [frame.name for frame in frames] == ["photo_0", "photo_1", "photo_2"]
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(pixels(frame), picture(index))
        assert frame.recorded_ns is None


def test_photographs_that_differ_by_their_suffix_only_keep_it(tmp_path):
    for suffix in ("png", "bmp"):
        cv2.imwrite(str(tmp_path / f"a.{suffix}"), picture(0))
    assert [frame.name for frame in open_source(tmp_path)] == ["a.bmp", "a.png"]


def test_grey_and_transparent_photographs_become_colour(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), picture(0)[..., 0])
    cv2.imwrite(str(tmp_path / "rgba.png"), cv2.cvtColor(picture(1), cv2.COLOR_BGR2BGRA))
    assert [pixels(frame).shape for frame in open_source(tmp_path)] == [(84, 112, 3), (84, 112, 3)]


def test_broken_photograph_is_skipped_and_named(tmp_path):
    folder = write_photos(tmp_path / "photos", 1)
    (folder / "broken.jpg").write_bytes(b"no picture")
    source = open_source(folder)
    assert [frame.name for frame in source] == ["photo_0"]
    assert len(source.skipped) == 1
    assert "broken.jpg" in source.skipped[0]


def test_single_photograph(tmp_path):
    source = open_source(write_photos(tmp_path / "photos", 1) / "photo_0.png")
    assert [frame.name for frame in source] == ["photo_0"]


def test_video(tmp_path):
    source = open_source(write_video(tmp_path / "clip.avi", 4))
    frames = list(source)
    assert [frame.name for frame in frames] == [f"clip_{index:06d}" for index in (1, 2, 3, 4)]
    # MJPG is lossy: the picture is near what was written, and nearer to it than to the next one.
    errors = [np.abs(pixels(frames[1]).astype(int) - picture(index)).mean() for index in (1, 2)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("storage", list(StoragePlugin))
def test_bag_gives_messages_and_times_as_recorded(tmp_path, storage):
    source = open_source(write_bag(tmp_path / "bag", 3, storage))
    frames = list(source)
    assert (source.topic, source.message_type, len(source)) == ("/camera/image", IMAGE, 3)
    for index, frame in enumerate(frames):
        assert stamp_ns(frame.cdr) == STAMP + index * SECOND // 10
        assert frame.recorded_ns == stamp_ns(frame.cdr) + DELAY
        np.testing.assert_array_equal(pixels(frame), picture(index))


def test_bag_file_by_itself(tmp_path):
    bag = write_bag(tmp_path / "bag", 2, StoragePlugin.MCAP)
    (alone,) = bag.glob("*.mcap")
    shutil.move(alone, tmp_path / "alone.mcap")
    assert len(list(open_source(tmp_path / "alone.mcap"))) == 2


def test_bag_folder_without_metadata(tmp_path):
    bag = write_bag(tmp_path / "bag", 2, StoragePlugin.MCAP)
    (bag / "metadata.yaml").unlink()
    assert len(list(open_source(bag))) == 2


def test_bag_with_several_cameras_needs_a_choice(tmp_path):
    topics = {"/left": IMAGE, "/right/compressed": COMPRESSED_IMAGE}
    bag = write_bag(tmp_path / "bag", 2, StoragePlugin.SQLITE3, topics)
    with pytest.raises(SourceError, match=r"--topic.*/left \(2 Image\), /right/compressed"):
        open_source(bag)
    assert open_source(bag, "right/compressed").message_type == COMPRESSED_IMAGE
    with pytest.raises(SourceError, match="no image topic /up"):
        open_source(bag, "/up")


def test_bag_without_images_lists_what_it_has(tmp_path):
    bag = write_bag(tmp_path / "bag", 2, StoragePlugin.MCAP, {})
    with pytest.raises(SourceError, match=r"/chatter \(2 String\)"):
        open_source(bag)


def test_bag_with_an_empty_image_topic(tmp_path):
    with pytest.raises(SourceError, match="no messages"):
        open_source(write_bag(tmp_path / "bag", 0, StoragePlugin.MCAP))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("missing.mcap", None, "does not exist"),
        ("notes.txt", b"hello", "none of the kinds"),
        ("old.bag", b"#ROSBAG V2.0", "ROS 1 bag"),
        ("broken.mcap", b"nothing", "cannot be read as a rosbag2"),
        ("broken.db3", b"nothing", "cannot be read as a rosbag2"),
        ("broken.mp4", b"nothing", "cannot be decoded"),
    ],
)
def test_refusals_name_the_file(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=reason) as caught:
        open_source(tmp_path / name)
    assert name in str(caught.value)


def test_empty_folder(tmp_path):
    with pytest.raises(SourceError, match="no photographs in"):
        open_source(tmp_path)


def test_topic_of_a_folder_is_refused(tmp_path):
    with pytest.raises(SourceError, match="/image"):
        open_source(write_photos(tmp_path / "photos", 1), "/image")
    with pytest.raises(SourceError, match="/depth"):
        open_source(tmp_path / "photos", beside={"depth_image": "/depth"})


def milliseconds_apart(frame):
    """Those of each stamp beside a frame from its own, by the nodes' input."""
    found = {}
    for message in frame.beside:
        stamps = stamps_ns(message.cdr, TOPICS[message.name].message_type)
        found.setdefault(message.name, []).extend((each - stamp_ns(frame.cdr)) / 1e6 for each in stamps)
    return found


def test_depth_camera_info_and_odometry_go_with_their_image(tmp_path):
    source = open_source(write_rgbd_bag(tmp_path / "bag", 6, depth=range(4)))
    assert source.topic == "/camera/color/image_raw"
    assert source.beside.topics == {
        "depth_image": "/camera/aligned_depth_to_color/image_raw",
        "camera_info": "/camera/color/camera_info",
        "odom": "/odom",
    }
    assert source.beside.missing == ()
    assert (
        "with depth_image from /camera/aligned_depth_to_color/image_raw, camera_info from"
        in source.description
    )
    frames = list(source)
    offsets = [milliseconds_apart(frame) for frame in frames]
    assert offsets[0] == {"depth_image": [0], "camera_info": [0], "odom": [0]}
    before = [-80, -60, -40, -20, 0]
    assert offsets[1:4] == [{"depth_image": [0], "camera_info": [0], "odom": before}] * 3
    # The last depth, and how far it is.
    assert [each["depth_image"] for each in offsets[4:]] == [[-100], [-200]]


def test_goal_and_transforms_go_with_the_first_frame_that_was_recorded_after_them(tmp_path):
    source = open_source(write_rgbd_bag(tmp_path / "bag", 3, depth=range(3), goal=True))
    robot = {name: topic for name, topic in source.beside.topics.items() if topic == f"/{name.lstrip('/')}"}
    assert robot == {name: f"/{name.lstrip('/')}" for name in ("odom", "goal_pose", "/tf", "/tf_static")}
    first, *others = map(milliseconds_apart, source)
    no_stamp = -STAMP / 1e6
    assert (first["goal_pose"], first["/tf_static"], first["/tf"]) == ([no_stamp], [-1000], [AHEAD / 1e6])
    assert [each.keys() & {"goal_pose", "/tf_static"} for each in others] == [set(), set()]
    assert [each["/tf"] for each in others] == [[AHEAD / 1e6]] * 2
    assert source.skipped == []


def test_the_newest_goal_is_taken_and_a_broken_message_is_skipped_and_named(tmp_path):
    store = get_typestore(Stores.ROS2_JAZZY)
    goals = [serialize_bgr(picture(index), "map") for index in range(2)]  # only stamps are read
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        kinds = {"/image": IMAGE, "/goal_pose": "geometry_msgs/msg/PoseStamped", "/tf": TRANSFORMS}
        image, goal, moves = (
            writer.add_connection(name, kind, typestore=store) for name, kind in kinds.items()
        )
        for index, cdr in enumerate(goals):
            writer.write(goal, STAMP + index, with_stamp(cdr, STAMP + index))
        writer.write(goal, STAMP + 2, b"short")
        writer.write(moves, STAMP + 3, bytes(4) + b"\xff" * 40)
        writer.write(image, STAMP + 4, with_stamp(goals[0], STAMP))
    source = open_source(tmp_path / "bag")
    (frame,) = source
    assert [(each.name, stamp_ns(each.cdr)) for each in frame.beside] == [("goal_pose", STAMP + 1)]
    assert len(source.skipped) == 2
    assert source.skipped[0].startswith(
        "a message after image 0 of /goal_pose: a serialised message of 5 bytes"
    )
    assert source.skipped[1].startswith(
        "a message after image 0 of /tf: a message is no tf2_msgs/msg/TFMessage"
    )


def test_topics_beside_an_image_by_type_and_name():
    types = {
        "/front/color/image_raw": IMAGE,
        "/front/color/camera_info": "sensor_msgs/msg/CameraInfo",
        "/front/depth/camera_info": "sensor_msgs/msg/CameraInfo",
        "/front/depth/image_rect_raw": IMAGE,
        "/front/aligned_depth_to_color/image_raw": IMAGE,
        "/rear/aligned_depth_to_color/image_raw": IMAGE,
        "/rear/segmentation/mask": IMAGE,
        "/attention/heatmap": IMAGE,
        "/wheels": "nav_msgs/msg/Odometry",
        "/robot/odom": "nav_msgs/msg/Odometry",
    }

    def find(image="/front/color/image_raw", without=(), **named):
        recorded = {name: TopicInfo(kind, None, 1, []) for name, kind in types.items() if name not in without}
        return find_beside(recorded, image, named, lambda topic: "depth" in topic or "heatmap" in topic)

    assert find().topics == {
        "depth_image": "/front/aligned_depth_to_color/image_raw",
        "camera_info": "/front/color/camera_info",
        "odom": "/robot/odom",
    }
    assert find(without=["/front/aligned_depth_to_color/image_raw"]).topics["depth_image"] == (
        "/front/depth/image_rect_raw"
    )
    assert (
        find(depth_image="front/depth/image_rect_raw").topics["depth_image"] == "/front/depth/image_rect_raw"
    )
    # Of all others, none belongs to a camera that has no name in common with them.
    up = find("/up", without=["/robot/odom"])
    assert up.topics == {"odom": "/wheels"}
    assert up.missing == (
        "no depth_image, which may be /front/aligned_depth_to_color/image_raw or "
        "/rear/aligned_depth_to_color/image_raw: choose with --depth-topic",
        "no camera_info",
    )
    types["/left/odom"] = "nav_msgs/msg/Odometry"
    assert find().missing == (
        "no odom, which may be /wheels or /robot/odom or /left/odom: choose with --odom-topic",
    )
    with pytest.raises(
        SourceError, match=r"no /wheels of type sensor_msgs/msg/CameraInfo for --camera-info-topic"
    ):
        find(camera_info="wheels")
    # Compressed depth is taken where the same is not there raw, and is no colour image.
    types["/front/aligned_depth_to_color/image_raw/compressedDepth"] = COMPRESSED_IMAGE
    assert find(odom="wheels").topics["depth_image"] == "/front/aligned_depth_to_color/image_raw"
    compressed = find(odom="wheels", without=["/front/aligned_depth_to_color/image_raw"]).topics
    assert "depth_image" not in compressed
    assert compressed["depth_image/compressedDepth"].endswith("to_color/image_raw/compressedDepth")
    with pytest.raises(SourceError, match=r"no /up of type .*Image for --depth-topic: .*compressedDepth"):
        find(depth_image="up")
    # A pose may be anything, but on this topic.
    types |= {"/arm/pose": "geometry_msgs/msg/PoseStamped", "/robot/tf": "tf2_msgs/msg/TFMessage"}
    assert not find(odom="wheels").topics.keys() & {"goal_pose", "/tf"}
    assert find(odom="wheels", goal_pose="arm/pose").topics["goal_pose"] == "/arm/pose"
    types |= {
        "/a/goal_pose": "geometry_msgs/msg/PoseStamped",
        "/b/goal_pose": "geometry_msgs/msg/PoseStamped",
    }
    assert find(odom="wheels").missing == (
        "no goal_pose, which may be /a/goal_pose or /b/goal_pose: choose with --goal-topic",
    )
