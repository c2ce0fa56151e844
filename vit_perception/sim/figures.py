"""People as simple bodies in a model of MuJoCo, with legs and arms that swing as they walk."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vit_perception.sim.world import Ground, Walker

# Heights of joints, and lengths, as shares of a person's height.
_HIP, _SHOULDER, _HEAD = 0.5, 0.81, 0.93
_SWING = 0.5  # radians to each side
_SIDES = (1, -1)


class Figure:
    """One person: a trunk with head, two legs and two arms, each a body that is moved by itself.

    Args:
        spec: to which the bodies are added.
        mujoco: the module.
        walker: who it is.
        name: that no other figure has.

    Attributes:
        geoms: names of its geoms.
    """

    def __init__(self, spec: Any, mujoco: Any, walker: Walker, name: str) -> None:
        self._walker, self._name = walker, name
        self.geoms: list[str] = []
        self._spec, self._kinds = spec, mujoco.mjtGeom
        height, radius = walker.height, walker.radius
        skin, shirt, trousers = walker.colours
        trunk = self._body("trunk")
        waist, chest = 0.36 * radius, 0.44 * radius
        self._geom(
            trunk,
            "mjGEOM_ELLIPSOID",
            (0.5 * radius, 0.75 * radius, 0.19 * height),
            shirt,
            (0, 0, 0.66 * height),
        )
        self._geom(
            trunk, "mjGEOM_ELLIPSOID", (waist, 0.6 * radius, 0.08 * height), trousers, (0, 0, 0.5 * height)
        )
        self._geom(trunk, "mjGEOM_CAPSULE", (0.035 * height, 0.03 * height), skin, (0, 0, 0.85 * height))
        self._geom(
            trunk,
            "mjGEOM_ELLIPSOID",
            (0.055 * height, 0.045 * height, 0.07 * height),
            skin,
            (0, 0, _HEAD * height),
        )
        hair = (-0.012 * height, 0, (_HEAD + 0.022) * height)
        self._geom(
            trunk, "mjGEOM_ELLIPSOID", (0.055 * height, 0.05 * height, 0.056 * height), _dark(trousers), hair
        )
        for side in _SIDES:
            leg, length = self._body(f"leg{side}"), _HIP * height
            thick = 0.22 * radius
            self._geom(leg, "mjGEOM_CAPSULE", (thick, length / 2 - thick), trousers, (0, 0, -length / 2))
            foot = (0.075 * height, 0.028 * height, 0.02 * height)
            self._geom(leg, "mjGEOM_BOX", foot, _dark(shirt), (0.04 * height, 0, 0.02 * height - length))
            arm, length = self._body(f"arm{side}"), 0.33 * height
            thick = 0.15 * radius
            self._geom(arm, "mjGEOM_CAPSULE", (thick, length / 2 - thick), shirt, (0, 0, -length / 2))
            self._geom(arm, "mjGEOM_SPHERE", (0.03 * height,), skin, (0, 0, -length))
        self._offsets = {"leg": 0.3 * radius, "arm": 0.3 * radius + chest}

    def place(self, model: Any, data: Any, ground: Ground, clock: float) -> None:
        """Put the person where they are after walking for `clock` seconds."""
        walker = self._walker
        x, y, yaw = walker.at(clock)
        base = np.array([x, y, float(ground.height(np.array([x, y])))])
        left = np.array([-math.sin(yaw), math.cos(yaw), 0.0])
        self._move(model, data, "trunk", base, yaw, 0.0)
        # A pair of steps is as long as a leg and a half.
        phase = 2 * math.pi * walker.speed * clock / (1.5 * _HIP * walker.height)
        swing = _SWING * math.sin(phase) * min(1.0, walker.speed)
        for side in _SIDES:
            for limb, joint, angle in (("leg", _HIP, side * swing), ("arm", _SHOULDER, -0.7 * side * swing)):
                place = base + side * self._offsets[limb] * left + (0, 0, joint * walker.height)
                self._move(model, data, f"{limb}{side}", place, yaw, angle)

    def _body(self, part: str) -> Any:
        return self._spec.worldbody.add_body(name=f"{self._name}-{part}", mocap=True)

    def _geom(
        self,
        body: Any,
        kind: str,
        size: tuple[float, ...],
        colour: tuple[float, float, float],
        at: tuple[float, float, float],
    ) -> None:
        name = f"{self._name}-{len(self.geoms)}"
        full = (*size, 0.0, 0.0)[:3]
        body.add_geom(
            name=name,
            type=getattr(self._kinds, kind),
            size=full,
            pos=at,
            rgba=(*colour, 1.0),
            contype=0,
            conaffinity=0,
        )
        self.geoms.append(name)

    def _move(self, model: Any, data: Any, part: str, position: np.ndarray, yaw: float, pitch: float) -> None:
        place = model.body(f"{self._name}-{part}").mocapid[0]
        half_yaw, half_pitch = yaw / 2, pitch / 2
        data.mocap_pos[place] = position
        # A turn around z after one around y.
        data.mocap_quat[place] = (
            math.cos(half_yaw) * math.cos(half_pitch),
            -math.sin(half_yaw) * math.sin(half_pitch),
            math.cos(half_yaw) * math.sin(half_pitch),
            math.sin(half_yaw) * math.cos(half_pitch),
        )


def _dark(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    """Hair and shoes: a dark relative of some other colour."""
    return 0.3 * colour[0], 0.25 * colour[1], 0.2 * colour[2]
