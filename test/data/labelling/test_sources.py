"""Pictures from files, a video, a bag and a dataset: names, order, and what is left out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.data.labelling.open_source import open_source
from vit_perception.data.labelling.real_labels import RealLabels
from vit_perception.data.labelling.work import payload
from vit_perception.data.manifest import Manifest
from vit_perception.data.writer import DatasetWriter
from vit_perception.viz.pictures import write_picture

SPACE = LabelSpace((Label("person"), Label("dog", aliases=("hound",))))


def image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (24, 32, 3), np.uint8)


def names(path: Path, done: set[str] = set(), **arguments: object) -> list[str]:  # noqa: B006
    source, space = open_source(path, SPACE, **arguments)  # type: ignore[arg-type]
    assert space == SPACE
    return [item.name for item in source.items(done)]


def test_pictures(tmp_path: Path) -> None:
    for file in ("b.png", "a.jpg", "a.png", "below/c.png"):
        write_picture(tmp_path / file, image())
    (tmp_path / "notes.txt").write_text("no picture")
    assert names(tmp_path) == ["a_jpg", "a_png", "b", "below/c"]
    assert names(tmp_path, {"b", "a_jpg"}) == ["a_png", "below/c"]
    assert names(tmp_path / "b.png") == ["b"]


def test_a_video(tmp_path: Path) -> None:
    file = tmp_path / "drive.avi"
    video = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 24))
    for level in range(5):
        video.write(np.full((24, 32, 3), (0, 0, 50 * level), np.uint8))
    video.release()
    assert names(file, every=2) == ["drive_000000", "drive_000002", "drive_000004"]
    source, _ = open_source(file, SPACE)
    assert len(source) == 5
    (item,) = source.items({f"drive_00000{number}" for number in (0, 1, 2, 4)})
    assert isinstance(item.picture, np.ndarray)
    # Red comes first.
    np.testing.assert_allclose(item.picture.mean(axis=(0, 1)), [150, 0, 0], atol=6)


def test_a_bag(tmp_path: Path) -> None:
    rosbag2 = pytest.importorskip("rosbags.rosbag2")
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    types = store.types
    time = types["builtin_interfaces/msg/Time"](sec=0, nanosec=0)
    header = types["std_msgs/msg/Header"](stamp=time, frame_id="camera")
    message_type = "sensor_msgs/msg/Image"
    with rosbag2.Writer(tmp_path / "bag", version=9) as bag:
        topics = [bag.add_connection(name, message_type, typestore=store) for name in ("/left", "/right/raw")]
        for number in range(4):
            encoding = "rgb8" if number != 2 else "novel"
            message = types[message_type](header, 24, 32, encoding, 0, 96, image(number).reshape(-1))
            for topic in topics[: 2 if number == 0 else 1]:
                bag.write(topic, number, store.serialize_cdr(message, message_type))
    with pytest.raises(ValueError, match="/left, /right/raw; choose one with --topic"):
        open_source(tmp_path / "bag", SPACE)
    with pytest.raises(ValueError, match="no image topic /up"):
        open_source(tmp_path / "bag", SPACE, "/up")
    assert names(tmp_path / "bag", topic="right/raw") == ["right/raw/000000"]
    source, _ = open_source(tmp_path / "bag", SPACE, "/left")
    assert len(source) == 4
    items = list(source.items({"left/000000"}))
    assert [item.name for item in items] == [f"left/00000{number}" for number in (1, 2, 3)]
    np.testing.assert_array_equal(items[0].picture, image(1))
    assert "novel" in items[1].fault
    assert names(tmp_path / "bag", topic="/left", every=3) == ["left/000000", "left/000003"]


def test_a_dataset_keeps_its_labels_in_the_joined_space(tmp_path: Path) -> None:
    own = LabelSpace((Label("forklift"), Label("hound"), Label("person")))
    manifest = Manifest(own, frozenset({0, 1}), frozenset())
    with DatasetWriter(tmp_path / "mine", manifest) as writer:
        boxes = np.array([[1, 2, 9, 9], [3, 3, 20, 20]], np.float32)
        writer.add("one", image(), Annotation(boxes=boxes, class_ids=np.array([0, 1])), part="val")
        writer.add("two", image(), Annotation())
    source, space = open_source(tmp_path / "mine", SPACE)
    assert space.names == ("person", "dog", "forklift")
    assert source.real == RealLabels(frozenset({1, 2}), frozenset())
    first, second = source.items(set())
    assert first.real is not None
    np.testing.assert_array_equal(first.real.class_ids, [2, 1])
    assert (first.part, second.part) == ("val", None)
    assert isinstance(first.picture, Path)
    first.picture.unlink()
    assert "one.jpg cannot be read" in str(payload(first))


def test_what_cannot_be_labelled(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no"):
        open_source(tmp_path / "absent", SPACE)
    with pytest.raises(FileNotFoundError, match="no picture"):
        open_source(tmp_path, SPACE)
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(ValueError, match="cannot be labelled"):
        open_source(tmp_path / "notes.txt", SPACE)
    write_picture(tmp_path / "a.png", image())
    with pytest.raises(ValueError, match="leave out --topic"):
        open_source(tmp_path, SPACE, topic="/left")
    with pytest.raises(ValueError, match="every is 0"):
        open_source(tmp_path, SPACE, every=0)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(ValueError, match="cannot be decoded"):
        open_source(tmp_path / "broken.mp4", SPACE)
