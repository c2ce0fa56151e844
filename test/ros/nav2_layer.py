"""What Nav2's semantic segmentation layer does with our topics, in its own steps.

After kiwicampus/semantic_segmentation_layer (Apache-2.0) at commit a70cf6e: the synchroniser and the checks
of `syncSegmConfPointcloudCb`, the tiles of `bufferSegmentation`, the costs of `updateBounds`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image, PointCloud2
from vision_msgs.msg import LabelInfo

from ros.clouds import read_cloud
from ros.graph import LATCHED, Graph

Tile = tuple[int, int]


@dataclass(frozen=True)
class Cost:
    """Parameters of a class type, by the layer's names."""

    base_cost: int
    max_cost: int
    mark_confidence: int = 0
    samples_to_max_cost: int = 0


class SemanticSegmentationLayer:
    """Marks tiles of a costmap.

    Args:
        costs: by name of a class.
        transform: (N, 3) points in the camera's frame → in the costmap's.
        resolution: metres of a tile.
    """

    def __init__(
        self,
        graph: Graph,
        namespace: str,
        costs: Mapping[str, Cost],
        transform: Callable[[np.ndarray], np.ndarray],
        resolution: float = 0.1,
        min_obstacle_distance: float = 0.3,
        max_obstacle_distance: float = 5.0,
    ) -> None:
        self._costs, self._transform, self._resolution = dict(costs), transform, resolution
        self._limits = min_obstacle_distance, max_obstacle_distance
        kinds = {"mask": Image, "confidence": Image, "points": PointCloud2}
        self._received = {
            name: graph.listen(f"{namespace}/segmentation/{name}", kind, qos_profile_sensor_data)
            for name, kind in kinds.items()
        }
        self._labels = graph.listen(f"{namespace}/segmentation/label_info", LabelInfo, LATCHED)
        self.queues: dict[Tile, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.refused: list[str] = []

    def buffer(self) -> int:
        """Take what came since the last call, as far as three messages have one stamp; gives how many did."""
        by_stamp: dict[Any, dict[str, Any]] = defaultdict(dict)
        for name, messages in self._received.items():
            for message in list(messages):
                by_stamp[message.header.stamp.sec, message.header.stamp.nanosec][name] = message
        whole = {stamp: each for stamp, each in by_stamp.items() if len(each) == len(self._received)}
        for _, each in sorted(whole.items()):
            for name, messages in self._received.items():
                messages.remove(each[name])
            self._sync(each["mask"], each["confidence"], each["points"])
        return len(whole)

    def _sync(self, mask: Image, confidence: Image, cloud: PointCloud2) -> None:
        if mask.width * mask.height != cloud.width * cloud.height:
            self.refused.append("sizes are different")
        elif len(mask.data) < mask.width * mask.height:
            self.refused.append("arrays have wrong sizes")
        elif not self._labels:
            self.refused.append("class map is empty")
        else:
            self._buffer(mask, confidence, cloud)

    def _buffer(self, mask: Image, confidence: Image, cloud: PointCloud2) -> None:
        ids = {entry.class_id: entry.class_name for entry in self._labels[-1].class_map}
        found = read_cloud(cloud).reshape(-1)
        points = self._transform(np.column_stack([found[name] for name in "xyz"]).astype(np.float64))
        origin = self._transform(np.zeros((1, 3)))
        squares = ((points - origin) ** 2).sum(axis=1)
        least, most = self._limits
        best: dict[Tile, int] = {}
        for pixel in np.flatnonzero(
            np.isfinite(points[:, 2]) & (squares < most**2) & (squares > least**2)
        ).tolist():
            x, y = np.floor(points[pixel, :2] / self._resolution).astype(int).tolist()
            if (x, y) not in best or confidence.data[pixel] > confidence.data[best[x, y]]:
                best[x, y] = pixel
        for tile, pixel in best.items():
            class_id = mask.data[pixel]
            if ids.get(class_id) in self._costs:
                self.queues[tile][class_id].append(confidence.data[pixel])

    def costs(self) -> dict[Tile, int]:
        """Of every tile with an observation."""
        ids = {entry.class_id: entry.class_name for entry in self._labels[-1].class_map}
        found = {}
        for tile, queues in self.queues.items():
            class_id, queue = max(queues.items(), key=lambda each: len(each[1]))
            cost = self._costs[ids[class_id]]
            sure = sum(queue) / len(queue) > cost.mark_confidence
            enough = len(queue) >= cost.samples_to_max_cost
            found[tile] = cost.max_cost if enough and sure else cost.base_cost
        return found
