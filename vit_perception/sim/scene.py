"""A world as a model of MuJoCo. It only renders: there is no physics in it, and no collisions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vit_perception.sim.figures import Figure
from vit_perception.sim.meshes import Mesh, ground_mesh, joined, mesh_of
from vit_perception.sim.mujoco_library import load_mujoco
from vit_perception.sim.textures import draw_texture
from vit_perception.sim.world import Lamp, Solid, World

# What a pixel can show beside things, which are 0 and up. Walker k is PEOPLE - k.
GROUND, SKY, PEOPLE = -1, -2, -3
# Metres: what is nearer or farther is not drawn.
NEAR, FAR = 0.03, 80.0
_SHADOW_SIDE, _SKY_SIDE, _SAMPLES = 1024, 64, 4
# Metres of ground around a world: outdoors one looks over the fence.
_AROUND = {True: 15.0, False: 0.5}
_CAMERA = "camera"


class Scene:
    """What is rendered.

    Args:
        world: to build.

    Attributes:
        world: as given.
        model, data: of MuJoCo.
        shows: (G,) int32 what each of the model's geoms is: a place in `World.things`, GROUND, or PEOPLE - k.
        shine: (G,) float32 of its material.

    Raises:
        RuntimeError: MuJoCo is not installed.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._mujoco = load_mujoco()
        spec = self._mujoco.MjSpec()
        _set_up(spec, world)
        self._figures = [
            Figure(spec, self._mujoco, walker, f"walker{k}") for k, walker in enumerate(world.walkers)
        ]
        names: list[tuple[int, float]] = []
        self._add_look(spec)
        self._add_solids(spec, names)
        for lamp in world.look.lamps:
            _add_lamp(spec, self._mujoco, lamp)
        body = spec.worldbody.add_body(name=_CAMERA, mocap=True)
        body.add_camera(name=_CAMERA, fovy=math.degrees(world.look.field_of_view))
        self.model: Any = spec.compile()
        self.data: Any = self._mujoco.MjData(self.model)
        self.shows, self.shine = self._geoms(names)

    def place(self, position: np.ndarray, rotation: np.ndarray, clocks: np.ndarray) -> None:
        """Move the camera and the people.

        Args:
            position: (3,) of the camera.
            rotation: (3, 3), its columns are what is right, up and behind in the picture.
            clocks: (K,) seconds that each walker has walked.
        """
        place = self.model.body(_CAMERA).mocapid[0]
        self.data.mocap_pos[place] = position
        self._mujoco.mju_mat2Quat(self.data.mocap_quat[place], rotation.ravel())
        for figure, clock in zip(self._figures, clocks, strict=True):
            figure.place(self.model, self.data, self.world.ground, float(clock))
        self._mujoco.mj_kinematics(self.model, self.data)
        self._mujoco.mj_camlight(self.model, self.data)

    def _add_look(self, spec: Any) -> None:
        rng = np.random.default_rng([self.world.seed, 1])
        for place, material in enumerate(self.world.look.materials):
            pixels = draw_texture(rng, material)
            texture = spec.add_texture(name=f"texture{place}", type=self._mujoco.mjtTexture.mjTEXTURE_2D)
            texture.height, texture.width, texture.nchannel = pixels.shape
            texture.data = pixels.tobytes()
            made = spec.add_material(name=f"material{place}", specular=0.5 * material.shine)
            made.shininess = 0.3 + 0.6 * material.shine
            made.textures[self._mujoco.mjtTextureRole.mjTEXROLE_RGB] = texture.name
        sky = np.array(self.world.look.sky)
        if sky.any():
            spec.add_texture(
                name="sky",
                type=self._mujoco.mjtTexture.mjTEXTURE_SKYBOX,
                builtin=self._mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
                rgb1=sky,
                rgb2=0.35 * sky + 0.6,
                width=_SKY_SIDE,
                height=6 * _SKY_SIDE,
            )

    def _add_solids(self, spec: Any, names: list[tuple[int, float]]) -> None:
        """A mesh for each thing and each of its materials, and one for the ground."""
        world = self.world
        groups: dict[tuple[int, int], list[Solid]] = {}
        for solid in world.solids:
            groups.setdefault((solid.thing, solid.material), []).append(solid)
        for (thing, material), solids in groups.items():
            mesh = joined(mesh_of(solid, world.ground) for solid in solids)
            self._add_mesh(spec, mesh, thing, material, names)
        margin = _AROUND[world.look.sky != (0.0, 0.0, 0.0)]
        self._add_mesh(
            spec, ground_mesh(world.ground, world.bounds, margin), GROUND, world.ground.material, names
        )

    def _add_mesh(
        self, spec: Any, mesh: Mesh, shows: int, material: int, names: list[tuple[int, float]]
    ) -> None:
        name = f"solid{len(names)}"
        look = self.world.look.materials[material]
        spec.add_mesh(
            name=name,
            uservert=mesh.vertices.ravel(),
            usernormal=mesh.normals.ravel(),
            usertexcoord=(mesh.coordinates / look.size).ravel(),
            userface=mesh.faces.ravel().astype(np.int32),
            inertia=self._mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )
        spec.worldbody.add_geom(
            name=name,
            type=self._mujoco.mjtGeom.mjGEOM_MESH,
            meshname=name,
            material=f"material{material}",
            contype=0,
            conaffinity=0,
        )
        names.append((shows, look.shine))

    def _geoms(self, names: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
        shows, shine = np.zeros(self.model.ngeom, np.int32), np.zeros(self.model.ngeom, np.float32)
        for place, (what, shining) in enumerate(names):
            geom = self.model.geom(f"solid{place}").id
            shows[geom], shine[geom] = what, shining
        for k, figure in enumerate(self._figures):
            shows[[self.model.geom(name).id for name in figure.geoms]] = PEOPLE - k
        return shows, shine


def _set_up(spec: Any, world: World) -> None:
    spec.stat.extent, spec.stat.center = 1.0, _centre(world)
    spec.visual.map.znear, spec.visual.map.zfar = NEAR, FAR
    spec.visual.map.shadowclip = 1.05 * _reach(world)
    spec.visual.quality.shadowsize = _SHADOW_SIDE
    spec.visual.quality.offsamples = _SAMPLES
    spec.visual.headlight.ambient = [world.look.ambient] * 3
    spec.visual.headlight.diffuse = spec.visual.headlight.specular = [0.0] * 3


def _add_lamp(spec: Any, mujoco: Any, lamp: Lamp) -> None:
    light = spec.worldbody.add_light(
        diffuse=lamp.colour, specular=0.5 * np.array(lamp.colour), ambient=[0.0] * 3
    )
    light.pos = lamp.position
    if lamp.direction is None:
        light.type, light.castshadow = mujoco.mjtLightType.mjLIGHT_SPOT, False
        light.cutoff, light.exponent, light.attenuation = 180.0, 0.0, [0.6, 0.0, 0.1]
    else:
        light.type, light.dir = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, lamp.direction
        light.castshadow = True


def _centre(world: World) -> np.ndarray:
    x_min, y_min, x_max, y_max = world.bounds
    return np.array([(x_min + x_max) / 2, (y_min + y_max) / 2, 0.0])


def _reach(world: World) -> float:
    x_min, y_min, x_max, y_max = world.bounds
    return math.hypot(x_max - x_min, y_max - y_min) / 2
