"""One graph for all tests of this folder, in a domain that nobody else uses."""

import os

import pytest


@pytest.fixture(scope="session")
def ros_environment():
    """What every participant of these tests is started with, ours included."""
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from vit_perception.nodes.transport import large_image_environment
    from vit_perception.replay.processes import free_domain

    before = dict(os.environ)
    environment = {
        **large_image_environment(),
        "ROS_DOMAIN_ID": str(free_domain()),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }
    os.environ.update(environment)
    yield environment
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def graph(ros_environment):
    from ros.graph import Graph

    graph = Graph(int(ros_environment["ROS_DOMAIN_ID"]))
    yield graph
    graph.close()
