"""Bags of a simulated drive, and what replay finds in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("tf2_msgs")

from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import Reader

from sim.rendering import need_renderer
from vit_perception.cli import main
from vit_perception.nodes.outputs.topics import message_class
from vit_perception.replay.cdr import stamp_ns
from vit_perception.replay.sources import open_source
from vit_perception.sim.driving.bag import Drive


def record(folder: Path, *arguments: str) -> dict[str, list[Any]]:
    """Topic → its messages."""
    need_renderer()
    small = ("--size", "48", "64", "--seconds", "0.5", "--kind", "warehouse")
    assert main(["sim", "bag", "--output", str(folder), *small, *arguments]) == 0
    found: dict[str, list[Any]] = {}
    with Reader(folder) as reader:
        for connection, _, data in reader.messages():
            message = deserialize_message(bytes(data), message_class(connection.msgtype))
            found.setdefault(connection.topic, []).append(message)
    return found


def test_a_bag_has_what_replay_looks_for(tmp_path: Path) -> None:
    messages = record(tmp_path / "one", "--seed", "4")
    every_frame = ("/image", "/depth_image", "/camera_info", "/odom", "/tf", "/bumper", "/clock")
    assert {name: len(found) for name, found in messages.items()} == {
        **dict.fromkeys(every_frame, 5),
        "/clock": 6,
        "/tf_static": 1,
        "/goal_pose": 1,
    }
    source = open_source(tmp_path / "one")
    assert source.topic == "/image"
    assert source.beside.missing == ()
    frames = list(source)
    every_frame = ["odom", "/tf", "camera_info", "depth_image"]
    assert [[each.name for each in frame.beside] for frame in frames] == [
        ["odom", "goal_pose", "/tf", "/tf_static", "camera_info", "depth_image"],
        *[every_frame] * 4,
    ]
    for frame in frames:
        stamps = {
            each.name: stamp_ns(each.cdr)
            for each in frame.beside
            if each.name in ("odom", "camera_info", "depth_image")
        }
        assert set(stamps.values()) == {stamp_ns(frame.cdr)}
    assert messages["/camera_info"][0].k[0] > 0
    metres = np.frombuffer(messages["/depth_image"][0].data, "<f4")
    assert 0.2 < metres[metres > 0].min() < metres.max() < 20
    assert record(tmp_path / "two", "--seed", "4") == messages
    assert main(["sim", "bag", "--output", str(tmp_path / "two")]) == 1, "a bag is not overwritten"


def test_a_bag_without_depth(tmp_path: Path) -> None:
    assert "/depth_image" not in record(tmp_path / "bag", "--condition", "rgb_only")
    source = open_source(tmp_path / "bag")
    assert source.beside.missing == ("no depth_image",)


@pytest.mark.parametrize(
    ("wrong", "reason"), [({"seconds": 0.0}, "0 seconds"), ({"condition": "fog"}, "'fog'")]
)
def test_wrong_drives_are_refused(wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Drive(**wrong)
