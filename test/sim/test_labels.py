"""Labels of a frame: boxes, masks and depth of what is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.hand_made import room
from vit_perception.data.label_space import read_label_space
from vit_perception.sim.camera import RgbdFrame
from vit_perception.sim.labels import annotation_of
from vit_perception.sim.scene import GROUND, PEOPLE, SKY
from vit_perception.sim.world import Thing

SPACE = read_label_space()
WORLD = replace(room(), things=(Thing("wall"), Thing("chair"), Thing(""), Thing("chair")))


def frame(things: np.ndarray) -> RgbdFrame:
    depth = np.where(things == SKY, 0, 2.0).astype(np.float32)
    return RgbdFrame(np.zeros((*things.shape, 3), np.uint8), depth, depth, things)


def test_each_pixel_has_the_class_of_what_it_shows() -> None:
    things = np.full((40, 60), GROUND, np.int32)
    things[:10], things[10:20] = SKY, 0
    things[12:30, 5:15], things[12:30, 20:30], things[15:38, 40:50] = 1, 2, PEOPLE - 1
    things[0, 0] = 3
    found = annotation_of(frame(things), WORLD, SPACE)
    wanted = {(35, 2): "floor", (5, 30): "sky", (15, 2): "wall", (20, 8): "chair", (30, 45): "person"}
    assert {place: SPACE.names[found.semantic[place]] for place in wanted} == wanted
    assert found.semantic[20, 25] == 255, "what has no label is unlabelled"
    assert [SPACE.names[one] for one in found.class_ids] == ["person", "chair"]
    assert found.boxes.tolist() == [[40, 15, 50, 38], [5, 12, 15, 30]]
    assert (found.instances == 1).sum() == 23 * 10
    assert found.ignored_boxes.tolist() == [[0, 0, 1, 1]], "too small to be an object"
    assert [SPACE.names[one] for one in found.ignored_ids] == ["chair"]
    assert np.isnan(found.depth[5, 30])
    assert found.depth[35, 2] == 2
