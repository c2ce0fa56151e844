"""A request holds what can be computed, and refuses the rest by name."""

import pytest

from vit_perception.runtime.request import DEFAULT_REQUEST, Request


def test_by_default_everything_at_full_size():
    assert Request(None, {}, 1.0, 1.0) == DEFAULT_REQUEST


def test_tasks_come_in_canonical_order():
    assert Request(["attention", "detection", "attention"]).tasks == ("detection", "attention")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"tasks": ["detektion"]}, "unknown task 'detektion'"),
        ({"tasks": []}, "no task given"),
        ({"thresholds": {"detection": 1.5}}, "threshold 1.5 of detection"),
        ({"thresholds": {"navigation": 0.5}}, "no threshold is used for 'navigation'"),
    ],
)
def test_wrong_values_are_named(arguments, says):
    with pytest.raises(ValueError, match=says):
        Request(**arguments)


@pytest.mark.parametrize("name", ["input_scale", "map_scale"])
@pytest.mark.parametrize("value", [0, -1.0, 100, float("nan"), True, "half"])
def test_wrong_scales_are_named(name, value):
    with pytest.raises(ValueError, match=f"{name} is .*: give a number from 0.1 to"):
        Request(**{name: value})
