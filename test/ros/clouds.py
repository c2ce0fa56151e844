"""Clouds as their subscribers read them."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField

_TYPES = {PointField.FLOAT32: "f4", PointField.UINT8: "u1"}


def read_cloud(message: PointCloud2) -> np.ndarray:
    """(H, W) with the message's own fields, by what it says of itself."""
    order = ">" if message.is_bigendian else "<"
    kind = np.dtype(
        {
            "names": [field.name for field in message.fields],
            "formats": [order + _TYPES[field.datatype] for field in message.fields],
            "offsets": [field.offset for field in message.fields],
            "itemsize": message.point_step,
        }
    )
    assert message.row_step == message.width * message.point_step
    return np.frombuffer(message.data, kind).reshape(message.height, message.width)
