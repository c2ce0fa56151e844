"""The parameters of the nodes that the page shows, and sets: thresholds, prompts, tasks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.client import Client
from rclpy.parameter import Parameter, parameter_value_to_python

from vit_perception.cards.card import THRESHOLDS
from vit_perception.replay.live_node import LiveNode

# Kind of a control by the name of its parameter.
_CONTROLS = {
    **{f"{task}.threshold": "number" for task in THRESHOLDS},
    "prompts": "texts",
    "enabled_tasks": "choices",
}
_SECONDS = 5.0
# An answer that leaves before its process has discovered our client is lost; questions are asked again.
_QUESTIONS = 3


@dataclass(frozen=True)
class Control:
    """A parameter as the page shows it.

    Attributes:
        name: of the parameter.
        kind: `number`, `texts` or `choices`.
        value: as it is.
        description: as the node gives it.
        choices: what a list is chosen from.
    """

    name: str
    kind: str
    value: Any
    description: str
    choices: tuple[str, ...] = ()


class Controls(LiveNode):
    """Asks and sets, not in the thread that spins. Use as a context manager.

    Attributes:
        changed: full names of nodes whose parameters have changed since they were read.
    """

    def __init__(self) -> None:
        super().__init__("vit_perception_view_controls")
        self.changed: set[str] = set()
        self._clients: dict[tuple[str, str], Client] = {}
        self._node.create_subscription(ParameterEvent, "/parameter_events", self._note, 100)

    def read(self, node: str) -> list[dict[str, Any]]:
        """The controls of a node as JSON; none while it does not answer."""
        self.changed.discard(node)
        listed = self._ask(node, ListParameters, "list_parameters", ListParameters.Request())
        if listed is None:
            return []
        names = [name for name in _CONTROLS if name in listed.result.names]
        # What the tasks are chosen from.
        asked = [*names, *(["tasks"] if "tasks" in listed.result.names else [])]
        given = self._ask(node, GetParameters, "get_parameters", GetParameters.Request(names=asked))
        said = self._ask(
            node, DescribeParameters, "describe_parameters", DescribeParameters.Request(names=names)
        )
        if given is None or said is None:
            return []
        values = dict(zip(asked, map(_plain, given.values), strict=True))
        tasks = tuple(values.get("tasks", ()))
        return [
            asdict(
                Control(
                    name,
                    _CONTROLS[name],
                    values[name],
                    descriptor.description,
                    tasks if name == "enabled_tasks" else (),
                )
            )
            for name, descriptor in zip(names, said.descriptors, strict=True)
        ]

    def set(self, node: str, name: str, value: Any) -> str:
        """Set a parameter; gives the node's reason if it refuses, empty if it does not."""
        kind = _CONTROLS.get(name)
        if kind is None:
            return f"{name} is none of the page's controls"
        if kind == "number":
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return f"{name}: {value!r} is no number"
            parameter = Parameter(name, Parameter.Type.DOUBLE, float(value))
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            parameter = Parameter(name, Parameter.Type.STRING_ARRAY, value)
        else:
            return f"{name}: {value!r} is no list of texts"
        client = self._client(node, SetParameters, "set_parameters")
        request = SetParameters.Request(parameters=[parameter.to_parameter_msg()])
        answer = self.call(client, request, _SECONDS)
        if answer is None:
            return f"{node} did not answer within {_SECONDS:.0f} s"
        (result,) = answer.results
        return "" if result.successful else str(result.reason)

    def _ask(self, node: str, kind: Any, service: str, request: Any) -> Any:
        client = self._client(node, kind, service)
        for _ in range(_QUESTIONS):
            if (answer := self.call(client, request, _SECONDS / _QUESTIONS)) is not None:
                return answer
        return None

    def _client(self, node: str, kind: Any, service: str) -> Client:
        key = node, service
        if key not in self._clients:
            self._clients[key] = self._node.create_client(kind, f"{node}/{service}")
        return self._clients[key]

    def _note(self, event: ParameterEvent) -> None:
        names = {each.name for each in (*event.new_parameters, *event.changed_parameters)}
        if names & _CONTROLS.keys():
            self.changed.add(event.node)


def _plain(value: Any) -> Any:
    """A value of a parameter as JSON has it."""
    python = parameter_value_to_python(value)
    return python if python is None or isinstance(python, (bool, int, float, str)) else list(python)
