"""Requests that a node cannot fulfil are refused. rclpy raises on them, which ended the process."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically

from ros.graph import TRANSITIONS

NODE = "/wrong_requests/perception"
UNKNOWN_TYPE = Parameter(name="max_rate", value=ParameterValue(type=255))


@pytest.fixture(scope="module")
def suite(graph):
    with graph.node("/wrong_requests"):
        yield


def _double(name, value):
    return Parameter(name=name, value=ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value))


@pytest.mark.parametrize("transition", [TRANSITIONS["configure"], TRANSITIONS["cleanup"], 255])
def test_a_transition_that_the_state_does_not_have(graph, suite, transition):
    assert not graph.transition(NODE, transition)
    assert graph.state(NODE) == "active"


def test_an_unconfigured_node_cannot_be_deactivated(graph):
    with graph.node("/wrong_early", ("detection",), autostart=False):
        assert not graph.transition("/wrong_early/perception", TRANSITIONS["deactivate"])
        assert graph.state("/wrong_early/perception") == "unconfigured"


def test_a_value_of_an_unknown_type_has_no_effect_on_those_beside_it(graph, suite):
    parameters = [_double("input_scale", 0.9), UNKNOWN_TYPE, _double("map_scale", 0.5)]
    request = SetParameters.Request(parameters=parameters)
    results = graph.call(SetParameters, f"{NODE}/set_parameters", request).results
    assert [result.successful for result in results] == [True, False, True]
    assert "255" in results[1].reason
    assert (graph.get(NODE, "input_scale"), graph.get(NODE, "map_scale")) == (0.9, 0.5)


def test_a_value_of_an_unknown_type_refuses_all_that_are_set_in_one_go(graph, suite):
    before = graph.get(NODE, "detection.threshold")
    request = SetParametersAtomically.Request(parameters=[_double("detection.threshold", 0.9), UNKNOWN_TYPE])
    result = graph.call(SetParametersAtomically, f"{NODE}/set_parameters_atomically", request).result
    assert not result.successful
    assert "255" in result.reason
    assert graph.get(NODE, "detection.threshold") == before


def test_a_parameter_cannot_be_deleted(graph, suite):
    result = graph.set(NODE, prompts=None)
    assert not result.successful
    assert "cannot be deleted" in result.reason
    assert list(graph.get(NODE, "prompts")) == []


def test_classes_are_refused_while_there_is_no_model_that_knows_them(graph):
    node = "/wrong_late/perception"
    with graph.node("/wrong_late", ("detection",)):
        assert graph.transition(node, TRANSITIONS["deactivate"])
        assert graph.transition(node, TRANSITIONS["cleanup"])
        result = graph.set(node, detection__classes=["person"])
        assert not result.successful
        assert "configure the node first" in result.reason
        assert graph.state(node) == "unconfigured"
