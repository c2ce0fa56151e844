"""One drive from start to goal, and what is written down of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vit_perception.sim.robot import MAX_SPEED
from vit_perception.sim.simulation import Simulation

# Seconds between two frames, after each of which the policy gives a command.
FRAME_SECONDS = 0.1
# A drive ends after so many times the least time for the way, and so many seconds.
_PATIENCE, _GRACE = 4.0, 20.0

# Speed (m/s) and turn rate (rad/s) to ask for now.
Command = Callable[[], tuple[float, float]]


@dataclass(frozen=True)
class Episode:
    """What came of a drive.

    Attributes:
        world: its seed.
        kind: of the world.
        success: whether the robot arrived in time.
        collisions: how many there were.
        driven: metres.
        shortest: metres of the shortest way.
        seconds: it took.
        track: x, y and yaw at each frame.
        hits: x and y where it collided.
        people: x and y of each person at each frame.
    """

    world: int
    kind: str
    success: bool
    collisions: int
    driven: float
    shortest: float
    seconds: float
    track: list[tuple[float, float, float]] = field(default_factory=list)
    hits: list[tuple[float, float]] = field(default_factory=list)
    people: list[list[tuple[float, float]]] = field(default_factory=list)

    @property
    def spl(self) -> float:
        """Success weighted by path length (Anderson 2018): 1 for the shortest way, 0 for a failure."""
        return self.shortest / max(self.driven, self.shortest) if self.success else 0.0


def drive(
    simulation: Simulation,
    shortest: float,
    command: Command,
    each_frame: Callable[[], None] = lambda: None,
) -> Episode:
    """Drive until the robot has arrived, or the time is over.

    Args:
        simulation: at its start.
        shortest: metres of the shortest way to the goal.
        command: of the policy.
        each_frame: called after each command has been driven.
    """
    end = _PATIENCE * shortest / MAX_SPEED + _GRACE
    track, hits, people = [], [], []
    while simulation.seconds < end and not simulation.reached:
        before = simulation.collisions
        pose = simulation.pose
        track.append((pose.x, pose.y, pose.yaw))
        people.append([(float(x), float(y)) for x, y, _ in simulation.people.discs()])
        simulation.step(*command(), FRAME_SECONDS)
        if simulation.collisions > before:
            hits.append((simulation.pose.x, simulation.pose.y))
        each_frame()
    return Episode(
        world=simulation.world.seed,
        kind=simulation.world.kind,
        success=simulation.reached,
        collisions=simulation.collisions,
        driven=simulation.driven,
        shortest=shortest,
        seconds=simulation.seconds,
        track=track,
        hits=hits,
        people=people,
    )
