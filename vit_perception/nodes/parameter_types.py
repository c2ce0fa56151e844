"""Types of parameters as ROS shows them: numbers have a range, and an empty list is one of texts."""

from __future__ import annotations

import copy

from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor
from rclpy.parameter import Parameter

from vit_perception.nodes import parameter_checks as checks
from vit_perception.nodes.parameter_table import PARAMETERS


def with_type(parameter: Parameter) -> Parameter:
    """The parameter; where it is an empty list of texts, with this type: rclpy takes one for bytes."""
    spec = PARAMETERS.get(parameter.name)
    if spec is not None and spec.is_list and checks.is_empty_list(parameter.value):
        return Parameter(parameter.name, Parameter.Type.STRING_ARRAY, [])
    return parameter


def with_range(descriptor: ParameterDescriptor) -> ParameterDescriptor:
    """A descriptor of rclpy with the range of a number, for those who ask.

    Where rclpy itself knew the range, it would refuse a value before our check, without saying what to give.
    """
    spec = PARAMETERS.get(descriptor.name)
    if spec is None or spec.limits is None:
        return descriptor
    ranged = copy.copy(descriptor)
    least, most = map(float, spec.limits)
    ranged.floating_point_range = [FloatingPointRange(from_value=least, to_value=most)]
    return ranged


def with_types(parameters: list[Parameter]) -> list[Parameter]:
    """`with_type` of each but those that are deleted, which will be refused."""
    deleted = Parameter.Type.NOT_SET
    return [each if each.type_ == deleted else with_type(each) for each in parameters]
