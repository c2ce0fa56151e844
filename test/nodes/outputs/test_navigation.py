"""A distance to the goal, as messages have it."""

import math

import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

import numpy as np
from sensor_msgs.msg import Range
from std_msgs.msg import Header

from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.navigation import _range


@pytest.mark.parametrize("metres", [2.5, None])
def test_a_range_says_what_kind_it_is(metres):
    header = Header(frame_id="front")
    message = _range(metres, Frame(header, np.zeros((2, 2, 3), np.uint8), "bgr"))
    assert message.header == header
    assert message.radiation_type == Range.INFRARED
    assert message.field_of_view == pytest.approx(math.tau)
    assert message.min_range == 0.0
    assert math.isnan(message.range) if metres is None else message.range == metres
