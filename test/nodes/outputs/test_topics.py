"""The table of topics, and the places that list topics for people: the README and RViz's layout."""

import re
from pathlib import Path

import pytest
import yaml

from vit_perception.cards.card import HEADS
from vit_perception.nodes.outputs.topics import DIAGNOSTICS, TOPICS, depth_topic, main_topic, topics_of_heads
from vit_perception.tasks import TASKS

ROOT = Path(__file__).parents[3]
# What RViz's displays can show; that of images finds the compressed one by image_transport.
DISPLAYS = {
    "rviz_default_plugins/Image": ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"),
    "rviz_default_plugins/Path": ("nav_msgs/msg/Path",),
    "rviz_default_plugins/LaserScan": ("sensor_msgs/msg/LaserScan",),
    "rviz_default_plugins/Odometry": ("nav_msgs/msg/Odometry",),
    "rviz_default_plugins/PointCloud2": ("sensor_msgs/msg/PointCloud2",),
    "rviz_default_plugins/Pose": ("geometry_msgs/msg/PoseStamped",),
}


def in_readme():
    """Topic → (direction, type) of the README's table."""
    section = (ROOT / "README.md").read_text().split("\n## Topics\n")[1].split("\n## ")[0]
    found = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in ("in", "out"):
            direction, topics, kind, _ = cells
            for name in re.findall(r"`([^`]+)`", topics):
                assert name not in found
                found[name] = (direction, kind.split()[0].replace("/", "/msg/"))
    return found


def displays():
    return [
        each
        for layout in sorted((ROOT / "config").glob("*.rviz"))
        for each in yaml.safe_load(layout.read_text())["Visualization Manager"]["Displays"]
        if "Topic" in each
    ]


def test_the_readme_lists_every_topic_with_its_type():
    assert in_readme() == {
        topic.name: ("in" if topic.is_input else "out", topic.message_type) for topic in TOPICS.values()
    }


@pytest.mark.parametrize("display", displays(), ids=lambda display: display["Name"])
def test_rviz_shows_a_topic_of_the_table(display):
    shown = display["Topic"]
    topic = TOPICS[shown["Value"]]
    assert topic.message_type in DISPLAYS[display["Class"]]
    assert shown["History Policy"] == "Keep Last"
    # A subscription may ask for less than is offered. Images come from cameras of either kind.
    offers_reliable = topic.qos.reliable and not topic.is_input
    assert shown["Reliability Policy"] == "Best Effort" or offers_reliable
    assert shown["Durability Policy"] == ("Transient Local" if topic.qos.transient_local else "Volatile")


def test_heads_and_tasks_exist():
    for topic in TOPICS.values():
        assert set(topic.tasks) <= set(TASKS)
        assert {head.split(".")[0] for head in topic.heads} <= set(topic.tasks)
    assert {head for topic in TOPICS.values() for head in topic.heads} == set(HEADS)


def test_every_task_has_a_main_topic():
    names = {task: main_topic(task).name for task in TASKS}
    assert names == {
        "classification": "classification",
        "detection": "detections",
        "segmentation": "segmentation/mask",
        "navigation": "navigation/action",
        "depth": "depth",
        "attention": "attention/heatmap",
    }


def test_depth_without_metres_has_a_topic_of_its_own():
    assert [topic.name for topic in topics_of_heads(["depth"], metric_depth=True)] == ["depth"]
    assert [topic.name for topic in topics_of_heads(["depth"], metric_depth=False)] == ["depth/relative"]
    assert depth_topic(metric=False).name == "depth/relative"


def test_results_come_for_each_frame_and_labels_do_not():
    others = {name for name, topic in TOPICS.items() if not topic.per_frame}
    labels = {name for name in TOPICS if name.endswith("label_info")}
    robot = {"depth_image", "depth_image/compressedDepth", "goal_pose", "odom", "/tf", "/tf_static"}
    assert others == {"image", "image/compressed", "camera_info", DIAGNOSTICS} | robot | labels
    assert all(TOPICS[name].qos.transient_local for name in labels)
