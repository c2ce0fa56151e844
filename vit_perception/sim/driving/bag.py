"""A bag as of a robot with a depth camera, which an expert drives through a simulated world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vit_perception.replay.cdr import NANOSECONDS
from vit_perception.replay.live_node import LiveNode
from vit_perception.replay.processes import free_domain, isolated
from vit_perception.replay.recorder import Recorder
from vit_perception.sim.driving import EXPERT
from vit_perception.sim.driving.conditions import CONDITIONS
from vit_perception.sim.driving.episode import FRAME_SECONDS
from vit_perception.sim.driving.observation import Senses
from vit_perception.sim.driving.policies import LOCAL
from vit_perception.sim.driving.robot_topics import TOPICS, RobotTopics
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.worlds.make import make_world

FILE = "drive.mcap"
# The simulation begins with this stamp: 0 means "no time" to some.
_START_NS = NANOSECONDS


@dataclass(frozen=True)
class Drive:
    """What to record.

    Attributes:
        seed: of the world.
        seconds: of simulated time; less if the robot arrives before.
        kind: of the world; None: the seed chooses.
        condition: one of CONDITIONS.
        size: height and width of the pictures.

    Raises:
        ValueError: there is no such condition, or no time.
    """

    seed: int = 0
    seconds: float = 20.0
    kind: str | None = None
    condition: str = "people"
    size: tuple[int, int] = (240, 320)

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            raise ValueError(f"{self.condition!r} is no condition: choose from {', '.join(CONDITIONS)}")
        if not 0 < self.seconds <= 3600:
            raise ValueError(f"{self.seconds:g} seconds are not possible: give more than 0, and at most 3600")

    @property
    def frames(self) -> int:
        """How many pictures at most."""
        return max(1, round(self.seconds / FRAME_SECONDS))


def record_bag(drive: Drive, folder: Path, progress: Callable[[], object]) -> int:
    """Write a bag into `folder`, with the topics of `robot_topics.py`. A drive gives the same messages again.

    Args:
        drive: what to record.
        folder: made if it is not there.
        progress: called after each picture.

    Returns:
        How many pictures it has.

    Raises:
        FileExistsError: there is a bag in the folder.
        RuntimeError: the renderer is not installed.
        DiskFull: there is no more room; the bag has what was recorded.
    """
    if (folder / FILE).exists():
        raise FileExistsError(f"{folder / FILE} is there already: give another folder")
    condition = CONDITIONS[drive.condition]
    world = condition.seen(make_world(drive.seed, drive.kind, condition.people))
    simulation = Simulation(world, drive.size)
    route = Route(simulation.plan, world.goal)
    senses, command = Senses(simulation, route, condition), LOCAL[EXPERT](simulation, route, condition)
    domain = free_domain()
    try:
        seen = senses.observe()  # the renderer may be missing: before there is a file
        folder.mkdir(parents=True, exist_ok=True)
        with (
            isolated(domain),  # nobody listens
            Recorder(folder / FILE) as recorder,
            _Robot(domain, recorder) as robot,
        ):
            robot.begin(seen.camera_height, seen.camera_pitch, seen.goal)
            for count in range(1, drive.frames + 1):
                robot.topics.publish(seen, _stamp(simulation))
                progress()
                if simulation.reached or count == drive.frames:
                    break
                simulation.step(*command(), FRAME_SECONDS)
                seen = senses.observe()
    finally:
        simulation.close()
    return count


class _Robot(LiveNode):
    """Writes what it publishes into a bag."""

    def __init__(self, domain_id: int, recorder: Recorder) -> None:
        super().__init__("robot", domain_id)
        for name, (kind, qos) in TOPICS.items():
            recorder.add_topic(f"/{name.lstrip('/')}", kind, qos)
        self.topics = RobotTopics(
            self._node, lambda topic, cdr, when: recorder.write(topic, cdr, log_ns=when, publish_ns=when)
        )

    def begin(self, camera_height: float, camera_pitch: float, goal: tuple[float, float]) -> None:
        self.topics.tell_time(_START_NS)
        self.topics.mount_camera(camera_height, camera_pitch, _START_NS)
        self.topics.give_goal(goal, _START_NS)


def _stamp(simulation: Simulation) -> int:
    return _START_NS + round(simulation.seconds * NANOSECONDS)
