"""Who is at the wheel while a world is recorded: the expert, pushed now and then, or a learner and the expert
in turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from vit_perception.sim.driving.conditions import CONDITIONS
from vit_perception.sim.driving.observation import Senses
from vit_perception.sim.driving.pilot import Pilot
from vit_perception.sim.expert import Expert
from vit_perception.sim.learner import Learner, Tally
from vit_perception.sim.robot import MAX_SPEED, MAX_TURN
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation

if TYPE_CHECKING:
    from vit_perception.sim.camera import RgbdFrame

# Seconds from command to command.
CONTROL = 0.1
# How often a second the robot gets random commands instead of the expert's, and for how long.
_KICKS, _KICK_SECONDS = 0.2, (0.3, 1.2)
# Share of a learner's drives without depth.
_BLIND = 0.25
# A learner that came no farther than so many metres in so many seconds, or while it touches something, is
# stuck: the expert drives for a while, or most frames would be of a robot that stands.
_PROGRESS, _PATIENCE, _PATIENCE_TOUCHING, _HELP = 0.1, 4.0, 1.5, 3.0

# Drives for CONTROL seconds. Given is the frame that was taken just now, if one was.
Wheel = Callable[["RgbdFrame | None"], None]


def pushed_expert(rng: np.random.Generator, simulation: Simulation, expert: Expert) -> Wheel:
    """The expert, who gets off its way by random commands now and then."""
    kick, until = (0.0, 0.0), 0.0

    def step(frame: RgbdFrame | None) -> None:
        nonlocal kick, until
        if simulation.seconds >= until and rng.random() < _KICKS * CONTROL:
            until = simulation.seconds + rng.uniform(*_KICK_SECONDS)
            kick = float(rng.uniform(0, MAX_SPEED)), float(rng.uniform(-MAX_TURN, MAX_TURN))
        kicked = simulation.seconds < until
        command = kick if kicked else expert.command(simulation.pose, simulation.velocity)
        simulation.step(*command, CONTROL)

    return step


class Turns:
    """A learner and the expert in turns, for one drive: a `Wheel`.

    Args:
        rng: draws whose turn it is, and whether there is depth.
        simulation: of the drive.
        route: to its goal.
        expert: of the drive.
        learner: who drives.
        tally: that grows with the drive.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        simulation: Simulation,
        route: Route,
        expert: Expert,
        learner: Learner,
        tally: Tally,
    ) -> None:
        condition = CONDITIONS["rgb_only" if rng.random() < _BLIND else "still"]
        self._senses = Senses(simulation, route, condition)
        self._simulation = simulation
        self._expert = expert
        self._pilot = Pilot(learner.predictor)
        self._stretches = learner.stretches(rng)
        self._tally = tally
        self._own, self._until = False, 0.0
        # When the expert's help ends; and the seconds and metres at which the robot had come farther.
        self._helped, self._came = 0.0, (0.0, 0.0)

    def __call__(self, frame: RgbdFrame | None) -> None:
        simulation, tally = self._simulation, self._tally
        own = self._has_turn()
        # Whoever drives, the learner looks at what is recorded, so that it remembers the last second.
        wanted = self._pilot.command(self._senses.observe(frame)) if own or frame is not None else None
        if not own or wanted is None:
            wanted = self._expert.command(simulation.pose, simulation.velocity)
        metres, collisions = simulation.driven, simulation.collisions
        simulation.step(*wanted, CONTROL)
        tally.commands += 1
        if own:
            tally.own += 1
            tally.metres += simulation.driven - metres
            tally.collisions += simulation.collisions - collisions

    def _has_turn(self) -> bool:
        """Whether the learner drives now."""
        now, driven = self._simulation.seconds, self._simulation.driven
        if now >= self._until:
            self._own, seconds = next(self._stretches)
            self._until = now + seconds
        since, where = self._came
        if driven - where > _PROGRESS:
            self._came = now, driven
        elif self._own and now - since > (_PATIENCE_TOUCHING if self._simulation.bumped else _PATIENCE):
            self._helped, self._came = now + _HELP, (now + _HELP, driven)
        return self._own and now >= self._helped
