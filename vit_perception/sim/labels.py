"""What a frame of the simulator shows, as labels of a dataset."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import LabelSpace
from vit_perception.data.navigation import NavigationTruth
from vit_perception.runtime.results import UNLABELLED
from vit_perception.sim.camera import RgbdFrame
from vit_perception.sim.scene import GROUND, PEOPLE, SKY
from vit_perception.sim.world import World

# Pixels of an object that make a box, and of each side of it. Of less, it is an ignored box.
_LEAST_PIXELS, _LEAST_SIDE = 30, 4


def annotation_of(
    frame: RgbdFrame, world: World, space: LabelSpace, navigation: NavigationTruth | None = None
) -> Annotation:
    """Boxes and masks of what is seen, and depth as it was measured.

    A box is around the visible part of an object. What has no label in the space is unlabelled.

    Args:
        frame: of the world's camera.
        world: that it shows.
        space: labels, among them those of the world's things, `person` and `sky`.
        navigation: of the same time.
    """
    semantic = np.full(frame.things.shape, UNLABELLED, np.uint8)
    instances = np.zeros(frame.things.shape, np.uint16)
    boxes: list[tuple[int, int, int, int]] = []
    class_ids: list[int] = []
    ignored: list[tuple[int, int, int, int]] = []
    ignored_ids: list[int] = []
    for shows, class_id in _classes(frame.things, world, space):
        mask = frame.things == shows
        semantic[mask] = class_id
        if not space.labels[class_id].thing:
            continue
        rows, columns = np.nonzero(mask)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        small = min(box[2] - box[0], box[3] - box[1]) < _LEAST_SIDE or len(rows) < _LEAST_PIXELS
        (ignored if small else boxes).append(box)
        (ignored_ids if small else class_ids).append(class_id)
        if not small:
            instances[mask] = len(boxes)
    return Annotation(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        class_ids=np.array(class_ids, np.int64),
        ignored_boxes=np.array(ignored, np.float32).reshape(-1, 4),
        ignored_ids=np.array(ignored_ids, np.int64),
        semantic=semantic,
        instances=instances,
        depth=np.where(frame.depth > 0, frame.depth, np.nan).astype(np.float32),
        navigation=navigation,
    )


def _classes(things: np.ndarray, world: World, space: LabelSpace) -> Iterator[tuple[int, int]]:
    """(value in `things`, class id) of all that is seen and has a label."""
    for shows in np.unique(things).tolist():
        if shows >= 0:
            label = world.things[shows].label
        else:
            label = {GROUND: world.ground.label, SKY: "sky"}.get(shows, "person" if shows <= PEOPLE else "")
        if label:
            yield shows, space.id_of(label)
