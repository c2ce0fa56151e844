"""A live suite with two cameras."""

import contextlib
import os
import threading

import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from vit_perception.nodes.images import codec
from vit_perception.nodes.transport import large_image_environment
from vit_perception.replay.processes import free_domain

NODE = "/view/perception"
CAMERAS = ["/view/front", "/view/rear"]
HZ = 8.0
K = [100.0, 0.0, 100.0, 0.0, 100.0, 75.0, 0.0, 0.0, 1.0]
METRES = np.full((150, 200), 2.5, np.float32)
METRES[:30] = 0


@contextlib.contextmanager
def two_cameras():
    """A suite with two cameras that send different scenes."""
    before = dict(os.environ)
    os.environ.update(
        large_image_environment(),
        ROS_DOMAIN_ID=str(free_domain()),
        ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST",
    )
    from ros.graph import Graph, scene

    graph = Graph(int(os.environ["ROS_DOMAIN_ID"]))
    info = graph.client.create_publisher(CameraInfo, f"{CAMERAS[0]}/camera_info", 1)
    depth = graph.client.create_publisher(Image, f"{CAMERAS[0]}/depth_image", 1)
    off = threading.Event()
    publishers = [graph.client.create_publisher(Image, f"{camera}/image", 1) for camera in CAMERAS]

    def send():
        while not off.wait(1 / HZ):
            for seed, publisher in enumerate(publishers):
                message = graph.image(scene(seed=seed))
                if not seed:  # the front camera has depth
                    info.publish(CameraInfo(header=message.header, height=150, width=200, k=K))
                    depth.publish(codec.encode(METRES, "32FC1", message.header))
                publisher.publish(message)

    thread = threading.Thread(target=send, daemon=True)
    topics = ["front/image", "rear/image"]
    with graph.node("/view", image_topics=topics, detection__threshold=0.05) as node:
        assert node.get_name() == "perception"
        thread.start()
        yield graph
        off.set()
        thread.join()
    graph.close()
    os.environ.clear()
    os.environ.update(before)
