"""rosbag2 bags (mcap, sqlite3) with images, and labels as our nodes publish them. Needs no ROS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import Reader

from vit_perception.data.dataset import Fault
from vit_perception.data.formats.bag_index import (
    LABEL_TOPICS,
    NONE,
    Camera,
    damaged,
    find_cameras,
    opened,
    storage,
)
from vit_perception.data.formats.bag_messages import DETECTIONS, colours, decode, numbers, stamp_ns
from vit_perception.data.formats.base import PictureDataset
from vit_perception.data.formats.reading import RawLabels, Report
from vit_perception.data.label_space import Label, LabelSpace, normal_name
from vit_perception.data.names import Names
from vit_perception.runtime.results import UNLABELLED

_MILLIMETRES = 1000.0


class BagDataset(PictureDataset):
    """The images of a bag that have labels with the same stamp. A picture's name is its stamp, below the
    camera's namespace.

    A detector's names also list what it never boxes, such as the sky. So only classes with a box somewhere in
    the bag are things, and count as labelled in boxes.

    Args:
        folder: of the bag, or its file.

    Raises:
        ValueError: it cannot be read, or has no image with labels and their names.
    """

    format = "bag"

    def __init__(self, folder: Path) -> None:
        self._path = storage(folder) or folder
        self._reader: tuple[int, Reader] | None = None
        self._cameras = find_cameras(self._path)
        names = dict.fromkeys(
            normal_name(name)
            for camera in self._cameras
            for found in camera.names.values()
            for name in found.values()
        )
        if not names:
            raise ValueError(f"{folder} has labels but no names for them: record label_info, too")
        space = LabelSpace.of_names(names)
        # The first picture of each camera.
        self._first = np.cumsum([0, *(len(camera.stamps) for camera in self._cameras)])
        masked = {
            space.id_of(name)
            for camera in self._cameras
            if "segmentation/mask" in camera.topics
            for name in _names(camera, "segmentation/mask").values()
        }
        pictures = [
            f"{camera.namespace}{stamp}".strip("/") for camera in self._cameras for stamp in camera.stamps
        ]
        super().__init__(folder, space, Names(pictures), Names(pictures), (), masked, {})
        self.box_labels = frozenset(self._boxed())
        self.space = LabelSpace(
            tuple(Label(name, thing=place in self.box_labels) for place, name in enumerate(names))
        )

    @staticmethod
    def recognises(folder: Path) -> bool:
        return storage(folder) is not None

    def picture_file(self, index: int) -> Path | None:
        return None

    def picture(self, index: int) -> np.ndarray:
        camera, place = self._locate(index)
        try:
            data, message_type = self._message(
                camera.image, camera.times["image"][place], camera.stamps[place]
            )
            return colours(decode(data, message_type), message_type)
        except ValueError as error:
            reason = str(error)
            raise ValueError(
                reason if str(self._path) in reason else f"{self._path}: {camera.image}: {reason}"
            ) from None

    def _size(self, index: int) -> tuple[int, int]:
        height, width = self.picture(index).shape[:2]
        return height, width

    def _place(self, index: int) -> tuple[Path, int | None]:
        return self._path, None

    def _labels(self, index: int, size: tuple[int, int], report: Report) -> RawLabels:
        camera, place = self._locate(index)
        raw = RawLabels(self._path)
        found: dict[str, Any] = {}
        for name, message_type in LABEL_TOPICS.items():
            time = camera.times.get(name, [])[place] if name in camera.times else NONE
            if time == NONE:
                continue
            try:
                data, _ = self._message(camera.topics[name], time, camera.stamps[place])
                message = decode(data, message_type)
                found[name] = message if message_type == DETECTIONS else numbers(message)
            except ValueError as error:
                report(self._fault(index, name, str(error)))
        objects = self._add_boxes(raw, camera, found.get("detections"), index, report)
        if (mask := found.get("segmentation/mask")) is not None:
            raw.semantic = _enlarged(self._classes(camera, mask, index, report), size)
        if (instances := found.get("segmentation/instances")) is not None and objects:
            values = np.zeros(1 << 16, np.uint16)
            for value, number in objects.items():
                values[value] = number
            raw.instances = _enlarged(values[instances], size)
        if (depth := found.get("depth")) is not None:
            metres = depth / _MILLIMETRES if depth.dtype == np.uint16 else depth
            known = np.isfinite(metres) & (metres > 0)
            raw.depth = _enlarged(np.where(known, metres, np.nan).astype(np.float32), size)
        return raw

    def _add_boxes(
        self, raw: RawLabels, camera: Camera, message: Any, index: int, report: Report
    ) -> dict[int, int]:
        """Add the detections. Gives instance id → value in `instances`, for those that have one."""
        names = _names(camera, "detections")
        objects: dict[int, int] = {}
        for detection in message.detections if message is not None else ():
            best = max(
                (result.hypothesis for result in detection.results), key=lambda one: one.score, default=None
            )
            class_id = None if best is None else self._class_of(best.class_id, names)
            if best is None or class_id is None:
                what = (
                    "no class" if best is None else f"class {best.class_id!r}, which label_info does not name"
                )
                report(self._fault(index, "detections", f"a detection has {what}"))
                continue
            centre, box = detection.bbox.center.position, detection.bbox
            left, top = centre.x - box.size_x / 2, centre.y - box.size_y / 2
            number = raw.add((left, top, left + box.size_x, top + box.size_y), class_id, score=best.score)
            if detection.id.isdigit() and int(detection.id) < 1 << 16:
                objects[int(detection.id)] = number
        return objects

    def _class_of(self, text: str, names: dict[int, str]) -> int | None:
        """Class id of a hypothesis, whose `class_id` is a number or a name."""
        name = names.get(int(text)) if text.isdigit() else text
        return None if name is None else self.space.find(name)

    def _classes(self, camera: Camera, mask: np.ndarray, index: int, report: Report) -> np.ndarray:
        classes = np.full(1 << 16, UNLABELLED, np.uint8)
        names = _names(camera, "segmentation/mask")
        for value, name in names.items():
            classes[value] = self.space.id_of(name)
        unknown = np.setdiff1d(mask, [*names, UNLABELLED])
        if len(unknown):
            reason = f"the mask has value {unknown[0]}, which label_info does not name"
            report(self._fault(index, "segmentation/mask", reason))
        return classes[mask]

    def _boxed(self) -> Iterator[int]:
        """Class ids that have a box somewhere."""
        with opened(self._path) as reader:
            for camera in self._cameras:
                names, topic = _names(camera, "detections"), camera.topics.get("detections")
                for _, _, data in reader.messages(reader.topics[topic].connections) if topic else ():
                    try:
                        message = decode(data, DETECTIONS)
                    except ValueError:
                        continue  # a fault of its picture
                    for detection in message.detections:
                        for result in detection.results:
                            if (found := self._class_of(result.hypothesis.class_id, names)) is not None:
                                yield found

    def _locate(self, index: int) -> tuple[Camera, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"picture {index} is not in 0 to {len(self) - 1}")
        camera = int(np.searchsorted(self._first, index, side="right")) - 1
        return self._cameras[camera], index - int(self._first[camera])

    def _message(self, topic: str, time: int, stamp: int) -> tuple[bytes, str]:
        """The message with a stamp, and its type."""
        # An open file must not be shared by processes: each opens its own.
        try:
            if self._reader is None or self._reader[0] != os.getpid():
                reader = Reader(self._path)
                reader.open()
                self._reader = os.getpid(), reader
            return _find(self._reader[1], topic, time, stamp)
        except Exception as error:
            raise damaged(self._path, error) from error

    def _fault(self, index: int, topic: str, reason: str) -> Fault:
        return Fault(self._path, None, f"{topic}, image {self._names[index]}: {reason}: record it again")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_reader": None}


def _find(reader: Reader, topic: str, time: int, stamp: int) -> tuple[bytes, str]:
    """The message on a topic with a stamp, recorded at a time, and its type."""
    for connection, _, data in reader.messages(reader.topics[topic].connections, int(time), int(time) + 1):
        if stamp_ns(data) == stamp:
            return data, connection.msgtype
    raise ValueError(f"the message with stamp {stamp} is no longer there")


def _names(camera: Camera, topic: str) -> dict[int, str]:
    """Class id → name for the labels on a topic; masks of a model that also detects may have those of
    `label_info`."""
    own = "segmentation/label_info" if topic.startswith("segmentation") else "label_info"
    return camera.names.get(own) or next(iter(camera.names.values()), {})


def _enlarged(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map at the size of its picture: nodes may publish smaller ones (`map_scale`)."""
    if values.shape == size:
        return values
    return np.asarray(cv2.resize(values, size[::-1], interpolation=cv2.INTER_NEAREST))
