"""Under which conditions a policy drives: who walks about, and what becomes of its camera."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from vit_perception.sim.world import World


@dataclass(frozen=True)
class Condition:
    """What is made harder.

    Attributes:
        people: whether people walk about.
        depth_until: share of the way to the goal on which the depth camera works: 1 always, 0 never.
        exposure: factor on the brightness of the pictures.
        tilt: radians by which the camera looks lower than it is said to.
    """

    people: bool = False
    depth_until: float = 1.0
    exposure: float = 1.0
    tilt: float = 0.0

    def seen(self, world: World) -> World:
        """The world as the camera sees it under this condition."""
        look = world.look
        look = dataclasses.replace(
            look, exposure=look.exposure * self.exposure, camera_pitch=look.camera_pitch + self.tilt
        )
        return dataclasses.replace(world, look=look)

    def has_depth(self, share: float) -> bool:
        """Whether the depth camera works after this share of the way to the goal."""
        return share < self.depth_until or self.depth_until == 1.0


CONDITIONS = {
    "still": Condition(),
    "people": Condition(people=True),
    "rgb_only": Condition(depth_until=0.0),
    "depth_dies": Condition(depth_until=0.5),
    "dark_tilted": Condition(exposure=0.9, tilt=math.radians(3)),
}
