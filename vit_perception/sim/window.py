"""Which command is best, by where each would lead in the next moments: a dynamic window (Fox 1997)."""

from __future__ import annotations

import math

import numpy as np

from vit_perception.runtime.planar import Pose, ways
from vit_perception.sim.people import People
from vit_perception.sim.plan import Plan
from vit_perception.sim.robot import MAX_ACCELERATION, MAX_SPEED, MAX_TURN, MAX_TURN_ACCELERATION, RADIUS

# Seconds in which a command has to be safe, in so many steps.
_HORIZON, _STEPS = 1.6, 16
# Commands are tried at these shares of the speed, and with these changes of the turn rate.
_SHARES = (1.0, 0.7, 0.4, 0.2, 0.0)
_CHANGES = (0.0, -0.3, 0.3, -0.7, 0.7, -1.2, 1.2)
# Metres to keep from things and from people, from edge to edge: the least, and what is wanted.
_LEAST, _LEAST_TO_PEOPLE = 0.02, 0.12
_WANTED, _WANTED_TO_PEOPLE = 0.1, 0.4
# Metres of detour that it is worth to come a metre less near. Who would not come near people at all would
# never get past somebody in a doorway.
_WORTH, _WORTH_OF_PEOPLE = 3.0, 1.0


def best_command(
    wanted: tuple[float, float], pose: Pose, velocity: tuple[float, float], plan: Plan, people: People
) -> tuple[float, float]:
    """The command nearest to the one wanted that touches nothing and nobody, or to stop.

    Args:
        wanted: speed (m/s) and turn rate (rad/s).
        pose: of the robot.
        velocity: its speed and turn rate.
        plan: of what stands around it.
        people: around it.
    """
    speed, turn = wanted
    commands = np.array([(speed * share, turn + change) for share in _SHARES for change in _CHANGES])
    reached, _ = ways(
        commands.clip((-MAX_SPEED, -MAX_TURN), (MAX_SPEED, MAX_TURN)),
        velocity,
        (MAX_ACCELERATION, MAX_TURN_ACCELERATION),
        _HORIZON,
        _STEPS,
        pose,
    )
    start = np.array([(pose.x, pose.y)])
    times = np.linspace(_HORIZON / _STEPS, _HORIZON, _STEPS)
    to_things = plan.clearance(reached.reshape(-1, 2)).reshape(reached.shape[:2]).min(axis=1) - RADIUS
    to_people = _gaps(reached, people.expected(times, pose)).min(axis=1) - RADIUS
    # Who is nearer already may go where it comes no nearer still.
    least = min(_LEAST, float(plan.clearance(start)[0]) - RADIUS - 1e-3)
    least_to_people = min(_LEAST_TO_PEOPLE, float(_gaps(start, people.discs()).min()) - RADIUS - 1e-3)
    safe = (to_things >= least) & (to_people >= least_to_people)
    if not safe.any():
        return 0.0, turn  # a round robot may always turn on the spot
    near_things = _WORTH * np.maximum(0, _WANTED - to_things)
    near_people = _WORTH_OF_PEOPLE * np.maximum(0, _WANTED_TO_PEOPLE - to_people)
    detour = np.hypot(*(reached[:, -1] - reached[0, -1]).T)
    turned = _HORIZON * np.abs(commands[:, 1] - turn)
    costs = detour + near_things + near_people + 0.05 * turned
    best = commands[np.where(safe, costs, np.inf).argmin()]
    return float(best[0]), float(best[1])


def _gaps(points: np.ndarray, discs: np.ndarray) -> np.ndarray:
    """(...) metres from points (..., 2) to the nearest of discs (..., K, 3)."""
    offsets = points[..., None, :] - discs[..., :2]
    return (np.hypot(offsets[..., 0], offsets[..., 1]) - discs[..., 2]).min(axis=-1, initial=math.inf)
