"""The graph of a command of ours, and that of whoever calls it."""

import contextlib
import os

from vit_perception.nodes.transport import VARIABLES
from vit_perception.replay.processes import isolated

ISOLATED = {"ROS_DOMAIN_ID": "42", "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}


def test_a_caller_is_back_in_its_own_graph_afterwards(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    for name in ("ROS_AUTOMATIC_DISCOVERY_RANGE", "RMW_IMPLEMENTATION", *VARIABLES):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    with contextlib.suppress(KeyboardInterrupt), isolated(42) as environment:
        assert dict(os.environ) == {**before, **environment}
        assert ISOLATED.items() < environment.items()
        assert set(environment) - set(ISOLATED) <= set(VARIABLES)
        raise KeyboardInterrupt
    assert dict(os.environ) == before
