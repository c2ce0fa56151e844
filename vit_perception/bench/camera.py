"""A camera in a process of its own: `python -m vit_perception.bench.camera --hz 30 --log FILE TOPIC…`.

Publishes scikit-image's photographs at 640x480 until SIGTERM, at a rate that does not drift. Each frame is a
line in FILE: its stamp in nanoseconds, and its topic. Each picture is serialised once, so that the camera
leaves the processor to the nodes, as a real camera's driver does. With `--beside`, depth, `camera_info` and
the odometry of a robot that stands come before each frame.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from types import FrameType

import cv2
import numpy as np
import rclpy
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.serialization import serialize_message
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from vit_perception.nodes.images import codec
from vit_perception.nodes.outputs.topics import TOPICS, message_class
from vit_perception.replay.cdr import serialize_bgr, with_stamp
from vit_perception.viz.photographs import photograph_paths
from vit_perception.viz.pictures import read_picture

SIZE = (480, 640)


def pictures() -> list[bytes]:
    """The photographs as serialised images with a stamp of zero."""
    frames = (read_picture(path) for path in photograph_paths().values())
    resized = (cv2.resize(frame, SIZE[::-1], interpolation=cv2.INTER_AREA) for frame in frames)
    return [serialize_bgr(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), "camera") for frame in resized]


def beside() -> dict[str, bytes]:
    """Topic → what comes before a frame, serialised: a floor that goes from 6 m to 1 m."""
    height, width = SIZE
    header, k = Header(frame_id="camera"), [550.0, 0.0, width / 2, 0.0, 550.0, height / 2, 0.0, 0.0, 1.0]
    floor = np.repeat(np.linspace(6, 1, height, dtype=np.float32)[:, None], width, axis=1)
    messages = {
        "odom": Odometry(header=header),
        "camera_info": CameraInfo(header=header, height=height, width=width, k=k),
        "depth_image": codec.encode(floor, "32FC1", header),
    }
    return {name: serialize_message(message) for name, message in messages.items()}


def ticks(hz: float) -> Iterator[None]:
    """Yield at `hz`, in step with the clock; ticks that were missed are not made up for."""
    due = time.monotonic()
    while True:
        due = max(due + 1 / hz, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        yield


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topics", nargs="+")
    parser.add_argument("--hz", type=float, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--beside", action="store_true")
    options = parser.parse_args()

    def leave(_: int, __: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = Node("bench_camera")
    publishers = {topic: node.create_publisher(Image, topic, 1) for topic in options.topics}
    others = [
        (node.create_publisher(message_class(TOPICS[name].message_type), f"/{name}", 1), cdr)
        for name, cdr in (beside() if options.beside else {}).items()
    ]
    with options.log.open("w", buffering=1) as log:
        for picture, _ in zip(cycle(pictures()), ticks(options.hz), strict=False):
            for topic, publisher in publishers.items():
                stamp = time.time_ns()
                for other, cdr in others:
                    other.publish(with_stamp(cdr, stamp))
                publisher.publish(with_stamp(picture, stamp))
                log.write(f"{stamp} {topic}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
