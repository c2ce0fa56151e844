"""Who can drive without ROS: the expert, who knows the map, and follow-the-gap, which does not."""

from __future__ import annotations

from collections.abc import Callable

from vit_perception.sim.driving import EXPERT, FOLLOW_THE_GAP
from vit_perception.sim.driving.conditions import Condition
from vit_perception.sim.driving.episode import Command
from vit_perception.sim.driving.follow_the_gap import FollowTheGap
from vit_perception.sim.driving.observation import Senses
from vit_perception.sim.expert import Expert
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation


def _expert(simulation: Simulation, route: Route, condition: Condition) -> Command:
    expert = Expert(simulation.plan, route, simulation.people)
    return lambda: expert.command(simulation.pose, simulation.velocity)


def _follow_the_gap(simulation: Simulation, route: Route, condition: Condition) -> Command:
    senses, policy = Senses(simulation, route, condition), FollowTheGap()
    return lambda: policy.command(senses.observe())


# Each makes the commands of one drive.
LOCAL: dict[str, Callable[[Simulation, Route, Condition], Command]] = {
    EXPERT: _expert,
    FOLLOW_THE_GAP: _follow_the_gap,
}
