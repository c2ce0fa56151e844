"""Which cameras there are: what the nodes that report on /diagnostics publish, and subscribe to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from rclpy.node import Node, NodeNameNonExistentError

from vit_perception.nodes.camera_names import camera_names
from vit_perception.replay.cdr import COMPRESSED_IMAGE, IMAGE
from vit_perception.replay.discovery import published_topics
from vit_perception.view.layers import DEPTH_IMAGE, LAYERS, split

_IMAGES = (IMAGE, COMPRESSED_IMAGE)


@dataclass
class CameraTopics:
    """What there is of one camera.

    Attributes:
        image: full name and type of the topic with its images; None while no node subscribes to one.
        depth: full name of the topic of its depth camera; None while there is none.
        results: layer, or topic of labels → message type.
    """

    image: tuple[str, str] | None = None
    depth: str | None = None
    results: dict[str, str] = field(default_factory=dict)

    @property
    def layers(self) -> list[str]:
        """Those that the page can draw, in the order in which it offers them."""
        return [layer for layer in LAYERS if layer in self.results or (layer == DEPTH_IMAGE and self.depth)]


def find_cameras(observer: Node, nodes: Iterable[str]) -> dict[str, CameraTopics]:
    """Cameras by the prefix of their topics.

    Args:
        observer: any node of the graph.
        nodes: full names of the nodes whose results are looked for.
    """
    cameras: defaultdict[str, CameraTopics] = defaultdict(CameraTopics)
    for node in nodes:
        namespace, _, name = node.rpartition("/")
        prefixes = set()
        for topic, kind in published_topics(observer, name, namespace or "/").items():
            if found := split(topic):
                prefix, layer = found
                cameras[prefix].results[layer] = kind
                prefixes.add(prefix)
        images = _subscribed_images(observer, name, namespace or "/")
        for prefix in prefixes:
            camera = cameras[prefix]
            # While a node begins to subscribe, the images of a single camera may be all that is known.
            only = images if len(prefixes) == 1 else {}
            camera.image = _image_of(prefix, images, only) or camera.image
            camera.depth = _depth_of(prefix, only, observer) or camera.depth
    return dict(cameras)


def _subscribed_images(observer: Node, name: str, namespace: str) -> dict[str, str]:
    try:
        subscribed = observer.get_subscriber_names_and_types_by_node(name, namespace)
    except NodeNameNonExistentError:
        return {}
    return {topic: types[0] for topic, types in subscribed if types[0] in _IMAGES}


def _image_of(prefix: str, images: dict[str, str], only: dict[str, str]) -> tuple[str, str] | None:
    """The image topic of a camera: that with its name, or if it is the only one, what is no depth."""
    own = [
        topic for topic in images if any(prefix.endswith(f"/{camera}") for camera in camera_names([topic]))
    ]
    others = [topic for topic in only if "depth" not in topic]
    found = own or (others if len(others) == 1 else [])
    return (found[0], images[found[0]]) if found else None


def _depth_of(prefix: str, only: dict[str, str], observer: Node) -> str | None:
    """The topic of a camera's depth: `depth_image`, or if it is the only one, what a node takes instead."""
    beside = f"{prefix}/{DEPTH_IMAGE}"
    if observer.count_publishers(beside):
        return beside
    remapped = [topic for topic, kind in only.items() if kind == IMAGE and "depth" in topic]
    return remapped[0] if len(remapped) == 1 else None
