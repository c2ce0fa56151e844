"""What is wrong with results, by the counts of the last seconds."""

import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.health import Health
from vit_perception.nodes.settings import Settings
from vit_perception.nodes.statistics import Counts, Snapshot
from vit_perception.runtime.request import Request

YEAR_MS = 365 * 86_400_000.0


def snapshot(age_ms=20.0, response_ms=20.0, silent_seconds=0.0, **counts):
    stage_ms = {"latency": age_ms, "response": response_ms} if counts.get("processed") else {}
    window = Counts(**counts)
    return Snapshot(1.0, window, window, 0.0, silent_seconds, stage_ms, "", "")


def judge(*snapshots, min_rate=0.0, max_age_ms=1000.0, max_rate=0.0, work=""):
    health = Health()
    settings = Settings(
        Request(), False, max_rate, 0.0, min_rate, max_age_ms, max_megapixels=50.0, classes={}
    )
    for each in snapshots[:-1]:
        health.warnings(each, settings, work)
    return "; ".join(health.warnings(snapshots[-1], settings, work))


@pytest.mark.parametrize(
    "counts",
    [
        {"received": 30, "processed": 30},
        {"received": 30, "processed": 16, "overtaken": 14},
        {"received": 1, "processed": 1},
        {"received": 1, "processed": 0},
        {"received": 0, "processed": 0},
        {"received": 30, "throttled": 24, "processed": 6},
        {"received": 15, "lost": 15, "throttled": 9, "processed": 6},
    ],
)
def test_nothing_is_wrong(counts):
    assert judge(snapshot(**counts), max_rate=6.0 if "throttled" in counts else 0.0) == ""


def test_seven_of_thirty_answered():
    said = judge(*5 * [snapshot(received=30, processed=7, overtaken=22, stale=1)])
    assert said == (
        "7.0 of 30.0 frames a second are answered (22.0 overtaken by newer ones, 1.0 dropped since they "
        "would have had to wait), fewer than 15.0: disable some tasks, or set min_rate to what is enough"
    )


def test_one_slow_second_is_none_of_a_slow_node():
    fine = snapshot(received=30, processed=30)
    assert judge(fine, fine, fine, snapshot(received=30, processed=3, overtaken=27)) == ""


def test_frames_that_were_lost_on_the_way():
    said = judge(*5 * [snapshot(received=10, processed=10, lost=20)])
    assert said.startswith("10.0 of 30.0 frames a second are answered (20.0 lost on the way to the node)")


def test_a_rate_of_the_users():
    slow = 5 * [snapshot(received=30, processed=7, overtaken=23)]
    assert judge(*slow, min_rate=5.0) == ""
    assert judge(*slow, min_rate=8.0).endswith("overtaken by newer ones), fewer than 8.0")
    assert judge(slow[0], min_rate=8.0) == "", "too early to say"
    few = 5 * [snapshot(received=3, processed=3)]
    assert judge(*few, min_rate=8.0) == "3.0 of 3.0 frames a second are answered, fewer than 8.0"


@pytest.mark.parametrize(
    ("age_ms", "says"),
    [
        (56 * YEAR_MS, "frames are 20440 days old by their stamps when they arrive: synchronise the clocks"),
        (-3_600_000.0, "the stamps of frames are 3600 s ahead of the node's clock"),
        (1500.0, "frames are 1480 ms old by their stamps when they arrive"),
        (999.0, ""),
    ],
)
def test_the_age_by_the_stamps(age_ms, says):
    said = judge(snapshot(received=30, processed=30, age_ms=age_ms))
    assert says in said
    assert bool(said) == bool(says)
    assert judge(snapshot(received=30, processed=30, age_ms=age_ms), max_age_ms=0.0) == ""


def test_results_that_the_node_is_late_with():
    late = snapshot(received=30, processed=30, age_ms=300.0, response_ms=290.0)
    assert judge(late, max_age_ms=200.0) == "results are 300 ms old, more than max_age_ms 200"


def test_why_none_leaves():
    stuck = snapshot(received=30, overtaken=30, silent_seconds=4.0)
    assert judge(stuck, work="the models are computing, for 4 s now") == (
        "frames arrive, and none has left for 4 s: the models are computing, for 4 s now"
    )
    assert judge(stuck).endswith("no thread takes them")


def test_a_slow_node_that_is_fast_enough_for_its_user():
    slow = snapshot(received=30, overtaken=30, silent_seconds=4.0)
    assert judge(*5 * [slow], min_rate=0.25) == ""
    assert "none has left" in judge(*5 * [slow], min_rate=0.6)
