"""Effort follows the time that frames take, down at once and up with patience."""

import pytest

from vit_perception.nodes.latency_budget import STEPS, LatencyBudget

FULL_MS = 60.0


class Robot:
    """Frames at 30 Hz that take time by their pixels, `load` times as long as alone."""

    def __init__(self, budget):
        self.budget, self.now, self.load, self.said = budget, 0.0, 1.0, []

    def run(self, seconds):
        for _ in range(int(30 * seconds)):
            self.now += 1 / 30
            effort = self.budget.effort
            waiting = 1.0 if effort.fresh_only else 1.2
            if said := self.budget.observe(FULL_MS * self.load * waiting * effort.input_scale**2, self.now):
                self.said.append(said)


@pytest.mark.parametrize(
    ("max_ms", "level"), [(0.0, 0), (100.0, 0), (50.0, 1), (35.0, 2), (20.0, 3), (16, 4)]
)
def test_it_takes_the_largest_input_that_is_in_time(max_ms, level):
    robot = Robot(LatencyBudget(max_ms))
    robot.run(30)
    assert robot.budget.effort == STEPS[level]
    assert not robot.budget.exhausted


def test_it_goes_up_again_when_the_load_is_gone():
    robot = Robot(LatencyBudget(95.0))
    robot.load = 3.0
    robot.run(20)
    assert robot.budget.effort == STEPS[2]
    assert "216 ms is over max_latency_ms 95: input at 0.8 of its size" in robot.said
    robot.load = 1.0
    robot.run(60)
    assert robot.budget.effort == STEPS[0]
    assert "leaves time within max_latency_ms 95: input at full size" in robot.said[-1]


def test_a_step_up_that_is_too_much_is_tried_ever_more_rarely():
    """Two sizes that cost the same, against what the estimate expects."""

    class Deceiving(Robot):
        def run(self, seconds):
            for _ in range(int(30 * seconds)):
                self.now += 1 / 30
                late = self.budget.effort.input_scale == 1
                if said := self.budget.observe(100.0 if late else 20.0, self.now):
                    self.said.append(said)

    robot = Deceiving(LatencyBudget(50.0))
    robot.run(600)
    ups = [said for said in robot.said if "leaves time" in said]
    assert 3 <= len(ups) <= 8


def test_one_late_frame_changes_nothing():
    budget = LatencyBudget(50.0)
    for index in range(300):
        budget.observe(500.0 if index % 25 == 0 else 20.0, index / 30)
    assert budget.effort == STEPS[0]


def test_it_says_when_nothing_helps():
    robot = Robot(LatencyBudget(5.0))
    robot.run(30)
    assert robot.budget.effort == STEPS[-1]
    assert robot.budget.exhausted
    assert robot.budget.state == "15 ms, over 5; input at 0.5 of its size, only frames that need not wait"


def test_without_a_limit_the_effort_is_full():
    robot = Robot(LatencyBudget(5.0))
    robot.run(30)
    robot.budget.limit(0.0)
    assert robot.budget.effort == STEPS[0]
    assert not robot.budget.state
    robot.run(30)
    assert robot.budget.effort == STEPS[0]


def test_it_goes_up_when_no_frame_passes():
    robot = Robot(LatencyBudget(5.0))
    robot.run(30)
    levels = []
    for _ in range(60):
        robot.now += 1
        if said := robot.budget.relax(robot.now):
            assert said.startswith("no frame was processed for ")
            levels.append(robot.budget.effort)
    assert levels == list(STEPS[-2::-1])


def test_it_does_not_go_up_between_the_frames_of_a_slow_camera():
    budget = LatencyBudget(5.0)
    for second in range(1000):
        if second % 10 == 0:
            budget.observe(50.0, second)
        else:
            assert not budget.relax(second)
    assert budget.effort == STEPS[-1]
