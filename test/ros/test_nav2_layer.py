"""The four topics that Nav2's semantic segmentation layer takes, and the costmap of a known scene."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header

from ros.graph import Graph, values, wait_until
from ros.nav2_layer import Cost, SemanticSegmentationLayer
from vit_perception.nodes.images import codec

# Says furniture of what is red, and ground of all else: test/tiny_painter.py.
PAINTER = Path(__file__).parents[1] / "fixtures" / "tiny_painter"
SIZE = (168, 224)
FOCAL, CX, CY = 180.0, 111.5, 83.5
# Metres: the camera above the floor, looking ahead; how far the floor goes; and a block that stands on it.
HEIGHT, FLOOR_END = 0.6, 4.0
FRONT, LEFT, RIGHT, TOP = 2.55, 0.4, -0.4, 1.2
LETHAL = 254
COSTS = {
    "ground": Cost(0, 0),
    "furniture": Cost(0, LETHAL, mark_confidence=200, samples_to_max_cost=2),
}


def scene() -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 BGR and (H, W) uint16 millimetres, 0 where nothing is."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    right, down = (columns - CX) / FOCAL, (rows - CY) / FOCAL
    floor = np.where(down > 0, HEIGHT / np.maximum(down, 1e-9), np.inf)
    y, z = -right * FRONT, HEIGHT - down * FRONT
    block = (y > RIGHT) & (y < LEFT) & (z > 0) & (z < TOP)
    depth = np.where(block, FRONT, np.where(floor < FLOOR_END, floor, 0))
    picture = np.full((*SIZE, 3), 120, np.uint8)
    picture[block] = (25, 25, 205)
    return picture, np.round(1000 * depth).astype(np.uint16)


def to_base(points: np.ndarray) -> np.ndarray:
    """Of the optical frame → of the robot's: x ahead, y left, z up from the floor."""
    return np.column_stack([points[:, 2], -points[:, 0], HEIGHT - points[:, 1]])


class Robot:
    """Publishes what an RGB-D camera does."""

    def __init__(self, graph: Graph, namespace: str) -> None:
        self.graph, self.node = graph, f"{namespace}/segmenter"
        kinds = {"image": Image, "depth_image": Image, "camera_info": CameraInfo}
        self._publishers = {
            name: graph.client.create_publisher(kind, f"{namespace}/{name}", 10)
            for name, kind in kinds.items()
        }
        self.picture, self.depth = scene()

    def look(self, depth: np.ndarray | None = None, focal: float = FOCAL, stop: bool = False) -> Header:
        header = self.graph.header()
        info = CameraInfo(header=header, height=SIZE[0], width=SIZE[1])
        info.k = [focal, 0.0, CX, 0.0, focal, CY, 0.0, 0.0, 1.0]
        self._publishers["camera_info"].publish(info)
        if not stop:
            self.measure(header, depth)
        self._publishers["image"].publish(codec.encode(self.picture, "bgr8", header))
        return header

    def measure(self, header: Header, depth: np.ndarray | None = None) -> None:
        """The depth of an image."""
        pixels = self.depth if depth is None else depth
        self._publishers["depth_image"].publish(codec.encode(pixels, "16UC1", header))

    def close(self) -> None:
        self.graph.destroy(*self._publishers.values())


@pytest.fixture(scope="module")
def robot(graph: Graph) -> Iterator[Robot]:
    parameters = {"model": str(PAINTER), "depth_tolerance_ms": 1000.0}
    with graph.node("/nav2", ("segmentation",), name="segmenter", **parameters):
        robot = Robot(graph, "/nav2")
        yield robot
        robot.close()


def marked(robot: Robot) -> dict[tuple[int, int], int]:
    """Costs by tile, of three frames that the layer took."""
    layer = SemanticSegmentationLayer(robot.graph, "/nav2", COSTS, to_base)
    taken = 0

    def enough() -> bool:
        nonlocal taken
        taken += layer.buffer()
        return taken - len(layer.refused) >= 3

    wait_until(enough, "frames that the layer takes", robot.look)
    return layer.costs()


def check(costs: dict[tuple[int, int], int]) -> None:
    lethal = {tile for tile, cost in costs.items() if cost == LETHAL}
    # The block's front is in tiles 25 ahead, from -4 to 3 to the left.
    assert lethal >= {(25, y) for y in range(-3, 3)}
    # Nothing before it, and nothing far beside or behind it.
    behind = {tile for tile in lethal if tile[0] > 26}
    assert {x for x, _ in lethal - behind} <= {24, 25, 26}
    assert all(-6 <= y <= 5 for _, y in lethal - behind)
    assert len(behind) <= len(lethal) // 4, "its edges are as wide as a few pixels"
    # The floor before it and beside it is free, and has been seen to be.
    for tile in [(16, 0), (20, -3), (20, 4), (30, -12), (30, 11)]:
        assert costs[tile] == 0
    # Behind it, nobody knows.
    assert not any((x, y) in costs for x in range(28, 40) for y in range(-3, 3))


def test_the_costmap_of_a_known_scene(robot: Robot) -> None:
    check(marked(robot))


def test_smaller_masks_have_points_of_their_size(robot: Robot) -> None:
    assert robot.graph.set(robot.node, map_scale=0.5).successful
    check(marked(robot))
    assert robot.graph.set(robot.node, map_scale=1.0).successful


def test_thinner_points_are_not_for_the_layer(robot: Robot) -> None:
    refusal = robot.graph.set(robot.node, segmentation__points_step=0).reason
    assert "0 is not a step: give pixels, a whole number from 1 to 64" in refusal
    assert robot.graph.set(robot.node, segmentation__points_step=3).successful
    layer = SemanticSegmentationLayer(robot.graph, "/nav2", COSTS, to_base)
    wait_until(lambda: layer.buffer() and "sizes are different" in layer.refused, "a refusal", robot.look)
    clouds = robot.graph.listen("/nav2/segmentation/points", PointCloud2)
    cloud = wait_until(lambda: clouds, "thinner points", robot.look)[-1]
    assert (cloud.height, cloud.width) == (56, 75)
    assert robot.graph.set(robot.node, segmentation__points_step=1).successful


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("the newest on /nav2/depth_image is", {"stop": True}),
        ("it has 200x200 pixels, the colour image 224x168", {"depth": np.ones((200, 200), np.uint16)}),
        ("/nav2/camera_info: focal lengths 0 and 0", {"focal": 0.0}),
    ],
    ids=["depth stops", "another shape", "no calibration"],
)
def test_what_fails_costs_points_and_nothing_else(robot: Robot, words: str, wrong: dict[str, Any]) -> None:
    """Masks come all the same, and /diagnostics says why there are no points."""
    masks = robot.graph.listen("/nav2/segmentation/mask", Image)
    clouds = robot.graph.listen("/nav2/segmentation/points", PointCloud2)
    wait_until(lambda: clouds, "points", robot.look)
    assert robot.graph.set(robot.node, depth_tolerance_ms=1.0).successful
    status = robot.graph.status(
        robot.node, lambda status: words in status.message, lambda: robot.look(**wrong)
    )
    assert status.level == DiagnosticStatus.WARN
    assert "until then there are no segmentation/points" in status.message
    masks.clear()
    clouds.clear()
    wait_until(lambda: len(masks) >= 2, "masks", lambda: robot.look(**wrong))
    assert not clouds
    assert robot.graph.set(robot.node, depth_tolerance_ms=1000.0).successful
    status = robot.graph.status(
        robot.node, lambda status: values(status)["depth_image"] == "there", robot.look
    )
    assert "no depth" not in status.message


def test_depth_that_is_late_is_waited_for_and_delays_nothing_else(robot: Robot) -> None:
    masks = robot.graph.listen("/nav2/segmentation/mask", Image)
    clouds = robot.graph.listen("/nav2/segmentation/points", PointCloud2)
    wait_until(lambda: clouds, "points", robot.look)
    assert robot.graph.set(robot.node, depth_tolerance_ms=60_000.0).successful
    sent: list[Header] = []

    def answered() -> list[Header]:
        return [mask.header for mask in masks if mask.header in sent]

    # The first of these waits a minute for its depth. If masks did, there would be none in time.
    wait_until(lambda: len(answered()) >= 3, "masks", lambda: sent.append(robot.look(stop=True)))
    late = answered()[0]
    assert all(cloud.header != late for cloud in clouds)
    robot.measure(late)
    wait_until(lambda: any(cloud.header == late for cloud in clouds), "its points")
    assert robot.graph.set(robot.node, depth_tolerance_ms=1000.0).successful
