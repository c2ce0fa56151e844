"""Blur the people in a bag before you show it, in all its images, raw and compressed.

People are where the model's mask says so, and in its boxes, faint ones as well. It overlooks some, above all
small ones: look at the result. An image that cannot be read is left out. Depth, and all that is no image, is
copied as it is: coloured points and video are for you to leave out.

    python3 blur_people.py my_bag blurred_bag [MODEL]
"""

import array
import sys
from typing import Any

import cv2
import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.nodes.images.codec import PASSTHROUGH, ImageError, decode, decode_compressed, encode
from vit_perception.nodes.images.encodings import lookup
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request

KINDS = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}
REQUEST = Request(tasks=("detection", "segmentation"), thresholds={"detection": 0.1})


def people(image: np.ndarray, model: Predictor) -> np.ndarray:
    """(H, W) bool: where people are in an (H, W, 3) BGR image, and a little around them."""
    seen, person = model(image, request=REQUEST), model.card.labels.index("person")
    where = np.zeros(image.shape[:2], np.uint8)
    if seen.segmentation is not None:
        where[seen.segmentation.mask == person] = 1
    if seen.detection is not None:
        for left, top, right, bottom in seen.detection.boxes[seen.detection.class_ids == person].astype(int):
            where[top : bottom + 1, left : right + 1] = 1
    return cv2.dilate(where, np.ones((max(image.shape) // 20,) * 2, np.uint8)) > 0


def without_people(data: bytes, kind: Any, model: Predictor) -> bytes:
    """The serialised image with its people blurred, and every other pixel as it was."""
    message, read = deserialize_message(data, kind), decode if kind is Image else decode_compressed
    if kind is Image and not lookup(message.encoding).is_colour:
        return data  # depth
    where, pixels = people(read(message), model), np.array(read(message, PASSTHROUGH))
    if not where.any():
        return data
    if pixels.shape[:2] != where.shape:
        raise ImageError(f"{message.encoding} keeps its colours in a plane of their own")
    pixels[where] = cv2.blur(pixels, (max(where.shape) // 8,) * 2)[where]
    if kind is Image:
        return serialize_message(encode(pixels, message.encoding, message.header))
    suffix = ".png" if "png" in message.format else ".jpg"
    message.data = array.array("B", cv2.imencode(suffix, pixels)[1].tobytes())
    return serialize_message(message)


def main(source: str, output: str, name: str = "robot_vit_s14") -> None:
    model, store = Predictor(name), get_typestore(Stores.ROS2_JAZZY)
    with Reader(source) as bag, Writer(output, version=8, storage_plugin=StoragePlugin.MCAP) as copy:
        topics = {}
        for each in bag.connections:
            ext: Any = each.ext
            kept: Any = {"msgdef": each.msgdef.data or None, "rihs01": each.digest or None}
            kept["offered_qos_profiles"] = ext.offered_qos_profiles
            topics[each.id] = copy.add_connection(each.topic, each.msgtype, typestore=store, **kept)
        for connection, when, data in bag.messages():
            try:
                if kind := KINDS.get(connection.msgtype):
                    data = without_people(data, kind, model)
                copy.write(topics[connection.id], when, data)
            except ImageError as error:
                print(f"{connection.topic}: left out, {error}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
