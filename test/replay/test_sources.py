"""Frames out of bags, videos and photographs, and what is said about inputs that are none."""

import shutil

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin
from rosbags.typesys import Stores, get_typestore

from replay.material import DELAY, SECOND, STAMP, picture, write_bag, write_photos, write_video
from vit_perception.replay.cdr import COMPRESSED_IMAGE, IMAGE, stamp_ns
from vit_perception.replay.sources import SourceError, open_source


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
