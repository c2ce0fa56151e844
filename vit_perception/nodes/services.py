"""rclpy's services that change a node, made to refuse what they cannot do, and to let it go on meanwhile.

rclpy 7 raises in `change_state` for a transition that the node's state does not have, and in `set_parameters`
for a value of an unknown type. From a service, an exception leaves `spin` and ends the process. A request
that takes seconds, such as one to load a model, would keep the executor from everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future

from vit_perception.runtime.beside import run_beside

Handler = Callable[[Any, Any], Any]
# What takes time before a request can be fulfilled, and raises where it must be refused; None: nothing does.
Preparation = Callable[[Any], Callable[[], None] | None]


def mend_services(node: Node, preparations: dict[type, Preparation]) -> None:
    """From now on, the services of `node` answer what they raise on with a refusal, and log the reason.

    Args:
        preparations: by type of service, for requests that take seconds.
    """
    refusals: dict[type, Callable[[str], Any]] = {
        ChangeState: lambda _: ChangeState.Response(success=False),
        SetParameters: lambda reason: SetParameters.Response(results=[_failed(reason)]),
        SetParametersAtomically: lambda reason: SetParametersAtomically.Response(result=_failed(reason)),
    }
    # One request may be answered while another is prepared.
    group = ReentrantCallbackGroup()
    for service in node.services:
        if service.srv_type not in refusals:
            continue
        handle = _refusing(node, service.callback, refusals[service.srv_type])
        if service.srv_type is SetParameters:
            handle = _one_by_one(handle)
        if service.srv_type in preparations:
            group.add_entity(service)
            service.callback_group = group
            refuse = _refusing(node, _raise, refusals[service.srv_type])
            handle = _prepared(node, handle, preparations[service.srv_type], refuse)
        service.callback = handle


def configures(request: ChangeState.Request) -> bool:
    """Whether a node is asked to configure; a label counts before an id."""
    asked = request.transition
    return asked.label == "configure" or (not asked.label and asked.id == Transition.TRANSITION_CONFIGURE)


async def beside(node: Node, what: str, work: Callable[[], None]) -> None:
    """Wait until `work` is done on a thread of its own, while the node's executor goes on.

    Args:
        what: it does, for the thread's name.
        work: keeps its errors to itself.
    """
    executor = node.executor
    assert executor is not None  # it runs what calls this
    done: Future = Future(executor=executor)

    def run() -> None:
        try:
            work()
        finally:
            done.set_result(None)
            executor.wake()

    run_beside(what, run)
    await done


def _prepared(node: Node, handle: Handler, prepare: Preparation, refuse: Handler) -> Handler:
    """The handler, called when what takes time is done; with `refuse` for what `prepare` raises."""

    async def answer(request: Any, response: Any) -> Any:
        try:
            work = prepare(request)
        except ValueError as error:
            return refuse(error, response)
        if work is not None:
            await beside(node, "preparing a request", work)
        return handle(request, response)

    return answer


def _raise(error: Exception, _: Any) -> Any:
    raise error


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
