"""tf2_msgs, built here or from a distribution, is the one that every robot has."""

from __future__ import annotations

import time

import pytest

# As rosbags has it of Jazzy.
TYPE_HASH = "RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087"
DEADLINE_SECONDS = 60.0


def test_type_hash() -> None:
    rclpy = pytest.importorskip("rclpy")
    tf2_msgs = pytest.importorskip("tf2_msgs.msg")
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("type_hash", context=context)
    try:
        node.create_publisher(tf2_msgs.TFMessage, "type_hash", 1)
        end = time.monotonic() + DEADLINE_SECONDS
        while not (found := node.get_publishers_info_by_topic("type_hash")) and time.monotonic() < end:
            time.sleep(0.05)
        assert [str(publisher.topic_type_hash) for publisher in found] == [TYPE_HASH]
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
