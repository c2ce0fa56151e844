"""Stamps inside serialised messages, and images serialised without ROS."""

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from vit_perception.replay.cdr import (
    COMPRESSED_IMAGE,
    IMAGE,
    TRANSFORMS,
    serialize_bgr,
    serialize_jpeg,
    stamp_ns,
    stamps_ns,
    with_stamp,
    with_stamps,
)

PIXELS = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def test_image_comes_back_as_it_went_in():
    cdr = with_stamp(serialize_bgr(PIXELS, "camera"), 1_700_000_000_123_456_789)
    message = get_typestore(Stores.ROS2_JAZZY).deserialize_cdr(cdr, IMAGE)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1_700_000_000, 123_456_789)
    assert message.header.frame_id == "camera"
    assert (message.height, message.width, message.encoding, message.step) == (5, 7, "bgr8", 21)
    np.testing.assert_array_equal(message.data.reshape(5, 7, 3), PIXELS)


def test_every_transform_gets_another_stamp_and_keeps_the_rest():
    store = get_typestore(Stores.ROS2_JAZZY)
    types = store.types
    numbers = np.arange(7.0).tolist()
    place = types["geometry_msgs/msg/Transform"](
        types["geometry_msgs/msg/Vector3"](*numbers[:3]), types["geometry_msgs/msg/Quaternion"](*numbers[3:])
    )
    given = [
        types["geometry_msgs/msg/TransformStamped"](
            types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](second, 5), "odom"),
            child,
            place,
        )
        for second, child in ((3, "base_link"), (4, "wheel"))
    ]
    cdr = bytes(store.serialize_cdr(types[TRANSFORMS](given), TRANSFORMS))
    assert stamps_ns(cdr, TRANSFORMS) == [3_000_000_005, 4_000_000_005]
    moved = with_stamps(cdr, TRANSFORMS, lambda stamp: 2 * stamp)
    assert stamps_ns(moved, TRANSFORMS) == [6_000_000_010, 8_000_000_010]
    assert with_stamps(moved, TRANSFORMS, lambda stamp: stamp // 2) == cdr


def test_strided_image_is_serialised_in_order():
    cdr = serialize_bgr(PIXELS[:, ::-1], "camera")
    message = get_typestore(Stores.ROS2_JAZZY).deserialize_cdr(cdr, IMAGE)
    np.testing.assert_array_equal(message.data.reshape(5, 7, 3), PIXELS[:, ::-1])


def test_jpeg_says_so():
    message = get_typestore(Stores.ROS2_JAZZY).deserialize_cdr(
        serialize_jpeg(PIXELS, "camera"), COMPRESSED_IMAGE
    )
    assert message.format == "jpeg"
    assert bytes(message.data[:2]) == b"\xff\xd8"


def test_restamping_changes_nothing_but_the_stamp():
    cdr = serialize_bgr(PIXELS, "camera")
    stamped = with_stamp(cdr, 42)
    assert stamp_ns(cdr) == 0
    assert stamp_ns(stamped) == 42
    assert with_stamp(stamped, 0) == cdr


def test_big_endian_stamp():
    cdr = bytes([0, 0, 0, 0]) + (3).to_bytes(4, "big") + (7).to_bytes(4, "big")
    assert stamp_ns(cdr) == 3_000_000_007
    assert stamp_ns(with_stamp(cdr, 5_000_000_001)) == 5_000_000_001


def test_too_short_for_a_header():
    with pytest.raises(ValueError, match="11 bytes"):
        stamp_ns(bytes(11))
