"""Every topic of a node: the one table that outputs, replay, benchmark, RViz's layout and the README share.

It imports without ROS: message types are named as `ros2 topic type` prints them.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from vit_perception.tasks import ATTENTION, CLASSIFICATION, DEPTH, DETECTION, NAVIGATION, SEGMENTATION, TASKS

# The same for all nodes.
DIAGNOSTICS = "/diagnostics"

_IMAGE = "sensor_msgs/msg/Image"
_COMPRESSED = "sensor_msgs/msg/CompressedImage"
_CLASSIFICATION = "vision_msgs/msg/Classification"
_LABELS = "vision_msgs/msg/LabelInfo"
_TRANSFORMS = "tf2_msgs/msg/TFMessage"


@dataclass(frozen=True)
class Qos:
    """Quality of service of a publisher or a subscription; the last `depth` messages are kept.

    Attributes:
        reliable: lost messages are sent again; otherwise best effort.
        transient_local: late subscribers get the last messages ("latched"); otherwise volatile.
        depth: length of the queue.
    """

    reliable: bool = True
    transient_local: bool = False
    depth: int = 5


_RESULT = Qos()
_LATCHED = Qos(transient_local=True, depth=1)
# Accepts reliable publishers too. Only the newest message is of use.
_NEWEST = Qos(reliable=False, depth=1)


@dataclass(frozen=True)
class Topic:
    """One topic.

    Attributes:
        name: relative to the node's namespace, or to the camera where there are several (the goal, the
            odometry and the command are the robot's); one that begins with a slash is the same for all.
        message_type: `package/msg/Name`.
        qos: what an output offers, or an input requests. The images' QoS follows their publishers
            (`nodes/qos.py`); given here is that before there is a publisher.
        tasks: those whose results, labels or measurements it carries.
        heads: entries of `Card.trained`; a model with one of them publishes a message here for every frame.
            Empty where that also depends on another head, a parameter or the kind of model.
        is_input: subscribed to, not published.
        needs: inputs beside images without which nothing comes on it.
    """

    name: str
    message_type: str
    qos: Qos = _RESULT
    tasks: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    is_input: bool = False
    needs: tuple[str, ...] = ()

    @property
    def per_frame(self) -> bool:
        """Whether it carries a result for each frame, as labels and diagnostics do not."""
        return bool(self.tasks) and not self.is_input and not self.qos.transient_local


# Depth comes from a depth model, too, but the camera must be known.
_SPACE = ("camera_info",)

# The main topic of a task comes before its others.
_TABLE = (
    Topic("image", _IMAGE, _NEWEST, TASKS, is_input=True),
    Topic("image/compressed", _COMPRESSED, _NEWEST, TASKS, is_input=True),
    Topic("camera_info", "sensor_msgs/msg/CameraInfo", _NEWEST, (DETECTION, SEGMENTATION), is_input=True),
    Topic("depth_image", _IMAGE, _NEWEST, (DETECTION, SEGMENTATION, NAVIGATION), is_input=True),
    Topic(
        "depth_image/compressedDepth",
        _COMPRESSED,
        _NEWEST,
        (DETECTION, SEGMENTATION, NAVIGATION),
        is_input=True,
    ),
    Topic("goal_pose", "geometry_msgs/msg/PoseStamped", Qos(depth=1), (NAVIGATION,), is_input=True),
    Topic("odom", "nav_msgs/msg/Odometry", Qos(reliable=False), (DETECTION, NAVIGATION), is_input=True),
    Topic("/tf", _TRANSFORMS, Qos(depth=100), (NAVIGATION,), is_input=True),
    Topic("/tf_static", _TRANSFORMS, Qos(transient_local=True, depth=100), (NAVIGATION,), is_input=True),
    Topic("classification", _CLASSIFICATION, _RESULT, (CLASSIFICATION,), ("classification",)),
    Topic(
        "detections",
        "vision_msgs/msg/Detection2DArray",
        _RESULT,
        (DETECTION,),
        ("detection", "detection.queries"),
    ),
    Topic(
        "tracks",
        "vision_msgs/msg/Detection2DArray",
        _RESULT,
        (DETECTION,),
        ("detection", "detection.queries"),
    ),
    Topic("detections_3d", "vision_msgs/msg/Detection3DArray", _RESULT, (DETECTION, DEPTH), needs=_SPACE),
    Topic("label_info", _LABELS, _LATCHED, (DETECTION, CLASSIFICATION)),
    Topic("classification/label_info", _LABELS, _LATCHED, (CLASSIFICATION,)),
    Topic("segmentation/mask", _IMAGE, _RESULT, (SEGMENTATION,), ("segmentation", "segmentation.queries")),
    Topic(
        "segmentation/confidence", _IMAGE, _RESULT, (SEGMENTATION,), ("segmentation", "segmentation.queries")
    ),
    Topic("segmentation/instances", _IMAGE, _RESULT, (SEGMENTATION,)),
    # Megabytes each.
    Topic(
        "segmentation/points",
        "sensor_msgs/msg/PointCloud2",
        Qos(depth=2),
        (SEGMENTATION, DEPTH),
        needs=_SPACE,
    ),
    Topic("segmentation/label_info", _LABELS, _LATCHED, (SEGMENTATION,)),
    Topic("navigation/action", _CLASSIFICATION, _RESULT, (NAVIGATION,), ("navigation.action",)),
    Topic("navigation/collision", _CLASSIFICATION, _RESULT, (NAVIGATION,), ("navigation.collision",)),
    Topic("navigation/label_info", _LABELS, _LATCHED, (NAVIGATION,)),
    Topic(
        "navigation/goal_distance",
        "sensor_msgs/msg/Range",
        _RESULT,
        (NAVIGATION,),
        ("navigation.goal_distance",),
    ),
    Topic("navigation/path", "nav_msgs/msg/Path", _RESULT, (NAVIGATION,), ("navigation.path",)),
    Topic(
        "navigation/scan",
        "sensor_msgs/msg/LaserScan",
        _RESULT,
        (NAVIGATION,),
        ("navigation.scan", "navigation.free_space"),
    ),
    # A robot that missed a command wants the next one. With navigation.stamped_cmd_vel false, a Twist.
    Topic("navigation/cmd_vel", "geometry_msgs/msg/TwistStamped", Qos(depth=1), (NAVIGATION,)),
    Topic("depth", _IMAGE, _RESULT, (DEPTH,), ("depth",)),
    Topic("depth/relative", _IMAGE, _RESULT, (DEPTH,), ("depth",)),
    Topic("attention/heatmap", _IMAGE, _RESULT, (ATTENTION,), ("attention",)),
    Topic("attention/overlay", _IMAGE, _RESULT, (ATTENTION,), ("attention",)),
    # Attention has an overlay of its own, and would hide the rest.
    Topic("overlay", _IMAGE, _RESULT, tuple(task for task in TASKS if task != ATTENTION)),
    Topic(DIAGNOSTICS, "diagnostic_msgs/msg/DiagnosticArray", Qos(depth=10)),
)
TOPICS = {topic.name: topic for topic in _TABLE}


def depth_topic(metric: bool) -> Topic:
    """Where a depth model's results go: subscribers to `depth` expect metres, so other units have a name of
    their own."""
    return TOPICS["depth" if metric else "depth/relative"]


def topics_of_heads(heads: Collection[str], metric_depth: bool) -> list[Topic]:
    """The topics on which every frame gets a message.

    Args:
        heads: of the model, as in `Card.trained`.
        metric_depth: whether its depth is in metres.
    """
    absent = depth_topic(not metric_depth)
    return [topic for topic in _TABLE if topic != absent and not set(topic.heads).isdisjoint(heads)]


def main_topic(task: str) -> Topic:
    """The topic with the main result of a task."""
    return next(topic for topic in _TABLE if topic.heads and topic.tasks == (task,))


def message_class(message_type: str) -> Any:
    """The Python class of `package/msg/Name`. Needs ROS.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    package, folder, name = message_type.split("/")
    return getattr(importlib.import_module(f"{package}.{folder}"), name)
