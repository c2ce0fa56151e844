"""A scene as one binary message for browsers: the picture, and the numbers that the page draws.

Four bytes with the length of a header, little-endian; the header as JSON; then its parts one after the other.
The picture is a JPEG. A map has a byte for each pixel (deflate), with the rule from byte to value in the
header: the mask's bytes are class ids as they were published.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from typing import Any

import cv2
import numpy as np
from rclpy.serialization import deserialize_message

from vit_perception.nodes.depth.pairing import decode_depth
from vit_perception.nodes.images import codec
from vit_perception.nodes.images.frame import read_frame
from vit_perception.nodes.outputs.topics import message_class
from vit_perception.runtime.points import POINT
from vit_perception.runtime.results import UNLABELLED
from vit_perception.view.gathering import Message, Scene
from vit_perception.view.layers import BOXES, BOXES_3D, DEPTH_IMAGE, MAPS, POINTS, SCORES

_MOST_MEGAPIXELS = 50.0
# Pixels; a wider picture is reduced to it. Boxes stay in the pixels of the source.
_WIDEST = 1280
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 80]
# Of 0 to 9: the fastest.
_LEVEL = 1


def encode(scene: Scene) -> bytes:
    """The message for browsers.

    Raises:
        ValueError: the image, or a map, cannot be read; the error says what is wrong.
    """
    picture, height, width = _picture(scene.image)
    parts = [picture]
    header: dict[str, Any] = {
        "camera": scene.camera,
        "stamp": str(scene.stamp_ns),  # more digits than a number of JavaScript has
        "height": height,
        "width": width,
        "boxes": {},
        "maps": {},
        "scores": {},
        "metres": [],
        "points": None,
    }
    for layer, message in scene.layers.items():
        content = deserialize_message(message.cdr, message_class(message.kind))
        if layer in BOXES:
            header["boxes"][layer] = [_box(each) for each in content.detections]
        elif layer in SCORES:
            header["scores"][layer] = [[each.class_id, each.score] for each in content.results]
        elif layer == BOXES_3D:
            header["metres"] = [_metres(each) for each in content.detections]
        elif layer == POINTS:
            z = np.frombuffer(content.data, POINT)["z"]
            header["points"] = {"known": int(np.isfinite(z).sum()), "all": z.size}
        elif layer in MAPS:
            if layer == DEPTH_IMAGE:
                values = decode_depth(content, (height, width), _MOST_MEGAPIXELS)
            else:
                values = codec.decode(content, codec.PASSTHROUGH, _MOST_MEGAPIXELS)
            pixels, rule = _map(layer, values)
            header["maps"][layer] = {"height": pixels.shape[0], "width": pixels.shape[1], **rule}
            parts.append(zlib.compress(pixels.tobytes(), _LEVEL))
    header["parts"] = [len(part) for part in parts]
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    return b"".join((struct.pack("<I", len(text)), text, *parts))


def _picture(message: Message) -> tuple[bytes, int, int]:
    """JPEG, and (height, width) of the source in pixels."""
    image = deserialize_message(message.cdr, message_class(message.kind))
    frame = read_frame(image, _MOST_MEGAPIXELS)
    height, width = frame.pixels.shape[:2]
    bgr = frame.pixels if frame.order == "bgr" else cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR)
    if width > _WIDEST:
        bgr = cv2.resize(bgr, (_WIDEST, round(height * _WIDEST / width)), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", bgr, _JPEG)[1].tobytes(), height, width


def _box(detection: Any) -> dict[str, Any]:
    """Left, top, width and height in source pixels, the best class, its score, and the id."""
    centre, size = detection.bbox.center.position, (detection.bbox.size_x, detection.bbox.size_y)
    edges = [centre.x - size[0] / 2, centre.y - size[1] / 2, *size]
    best = max((each.hypothesis for each in detection.results), key=lambda each: each.score, default=None)
    return {
        "box": [_finite(edge) for edge in edges],
        "class": best.class_id if best else "",
        "score": _finite(best.score) if best else 0.0,
        "id": detection.id,
    }


def _metres(detection: Any) -> dict[str, Any]:
    """Distance along the optical axis, and the class and score that its box in `detections` has, too."""
    best = max((each.hypothesis for each in detection.results), key=lambda each: each.score)
    distance = _finite(detection.bbox.center.position.z)
    return {"class": best.class_id, "score": _finite(best.score), "distance": distance}


def _finite(value: float) -> float:
    """JSON has no other numbers."""
    return value if math.isfinite(value) else 0.0


def _map(layer: str, pixels: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """(H, W) uint8, and the rule: value = low + step * byte; the byte `none` has no value."""
    if layer == "segmentation/mask":
        return np.asarray(pixels, np.uint8), {"low": 0.0, "step": 1.0, "none": UNLABELLED}
    if layer == "attention/heatmap":
        shades = np.clip(np.nan_to_num(pixels), 0.0, 1.0) * 255
        return shades.round().astype(np.uint8), {"low": 0.0, "step": 1 / 255, "none": -1}
    known = np.isfinite(pixels) & (pixels != 0)  # 0 and NaN are no distance
    low, high = (float(f(pixels[known])) if known.any() else 0.0 for f in (np.min, np.max))
    step = max(high - low, 1e-6) / 254
    steps = np.where(known, 1 + np.round((np.where(known, pixels, low) - low) / step), 0)
    return steps.astype(np.uint8), {"low": low - step, "step": step, "none": 0}
