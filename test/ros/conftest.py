"""One graph for all tests of this folder, in a domain that nobody else uses."""

import pytest


@pytest.fixture(scope="session")
def ros_environment():
    """What every participant of these tests is started with, ours included."""
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from vit_perception.replay.processes import free_domain, isolated

    with isolated(free_domain()) as environment:
        yield environment


@pytest.fixture(scope="session")
def graph(ros_environment):
    from ros.graph import Graph

    graph = Graph(int(ros_environment["ROS_DOMAIN_ID"]))
    yield graph
    graph.close()
