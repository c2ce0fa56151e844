"""rclpy's services that change a node, made to refuse what they cannot do: an exception would end the node.

rclpy 7 raises in `change_state` for a transition that the node's state does not have, and in `set_parameters`
for a value of an unknown type. From a service, an exception leaves `spin` and ends the process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.node import Node

Handler = Callable[[Any, Any], Any]


def refuse_wrong_requests(node: Node) -> None:
    """From now on, the services of `node` answer what they raise on with a refusal, and log the reason."""
    refusals: dict[type, Callable[[str], Any]] = {
        ChangeState: lambda _: ChangeState.Response(success=False),
        SetParameters: lambda reason: SetParameters.Response(results=[_failed(reason)]),
        SetParametersAtomically: lambda reason: SetParametersAtomically.Response(result=_failed(reason)),
    }
    for service in node.services:
        if service.srv_type in refusals:
            service.callback = _refusing(node, service.callback, refusals[service.srv_type])
        if service.srv_type is SetParameters:
            service.callback = _one_by_one(service.callback)


def _refusing(node: Node, handle: Handler, refuse: Callable[[str], Any]) -> Handler:
    """The handler, with a refusal in place of an exception.

    Args:
        refuse: makes the response from the reason.
    """

    def answer(request: Any, response: Any) -> Any:
        try:
            return handle(request, response)
        except Exception as error:  # no request may end the node
            reason = str(error) or type(error).__name__
            node.get_logger().warning(f"refused a request: {reason}")
            return refuse(reason)

    return answer


def _one_by_one(handle: Handler) -> Handler:
    """A handler of `set_parameters` that sees one parameter a call: each has its own result."""

    def answer(request: SetParameters.Request, response: SetParameters.Response) -> SetParameters.Response:
        for parameter in request.parameters:
            one = SetParameters.Request(parameters=[parameter])
            response.results.extend(handle(one, SetParameters.Response()).results)
        return response

    return answer


def _failed(reason: str) -> SetParametersResult:
    return SetParametersResult(successful=False, reason=reason)
