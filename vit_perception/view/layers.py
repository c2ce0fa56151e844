"""What the page draws of what the nodes publish, and which labels belong to it."""

from __future__ import annotations

# Topics with a result for each frame, relative to their camera.
BOXES = ("detections", "tracks")
BOXES_3D, POINTS = "detections_3d", "segmentation/points"
# What a depth camera sends, and no node of ours.
DEPTH_IMAGE = "depth_image"
MAPS = ("segmentation/mask", "attention/heatmap", "depth", "depth/relative", DEPTH_IMAGE)
SCORES = ("classification", "navigation/action", "navigation/collision")
LAYERS = (*BOXES, BOXES_3D, *MAPS, POINTS, *SCORES)

# Layer → topics with the names of its classes, the first that there is.
LABELS = {
    "detections": ("label_info",),
    "tracks": ("label_info",),
    BOXES_3D: ("label_info",),
    "classification": ("classification/label_info", "label_info"),
    "segmentation/mask": ("segmentation/label_info",),
    "navigation/action": ("navigation/label_info",),
    "navigation/collision": ("navigation/label_info",),
}
LABEL_TOPICS = tuple(dict.fromkeys(topic for topics in LABELS.values() for topic in topics))


def split(topic: str) -> tuple[str, str] | None:
    """The camera's prefix (empty, or `/front`) and the name of what it shares with all cameras.

    None for a topic that is neither a layer nor has labels of one.
    """
    known = [name for name in (*LAYERS, *LABEL_TOPICS) if topic.endswith(f"/{name}")]
    if not known:
        return None
    name = max(known, key=len)
    return topic.removesuffix(f"/{name}"), name


def labels_of(layer: str, labels: dict[str, dict[str, str]]) -> dict[str, str]:
    """Class id → name for a layer.

    Args:
        layer: one of LAYERS.
        labels: of a camera, by their topic.
    """
    return next((labels[topic] for topic in LABELS.get(layer, ()) if topic in labels), {})
