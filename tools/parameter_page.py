"""The page of all parameters, in Markdown, from the tables by which the nodes declare them. Needs ROS."""

from __future__ import annotations

import json
from typing import Any

from vit_perception.nodes.executables import EXECUTABLES, SUITE
from vit_perception.nodes.parameter_spec import Change, ParameterSpec
from vit_perception.nodes.parameter_table import PARAMETERS
from vit_perception.sim.parameters import PARAMETERS as OF_SIMULATOR
from vit_perception.tasks import TASKS

_TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text"}


def parameter_page() -> str:
    """A section for the parameters that the same nodes have, those of every node first."""
    by_nodes: dict[tuple[str, ...], list[ParameterSpec]] = {}
    for spec in PARAMETERS.values():
        by_nodes.setdefault(_nodes_with(spec), []).append(spec)
    sections = [
        (f"Of {_listed(nodes)}", [_entry(spec) for spec in by_nodes[nodes]])
        for nodes in sorted(by_nodes, key=lambda nodes: (-len(nodes), nodes))
    ]
    of_simulator = [
        f"\n### `{name}`\n\n*{_TYPES[type(default)]}; default {_words(default)}*\n\n{description}\n"
        for name, (default, description) in OF_SIMULATOR.items()
    ]
    sections.append(("Of the `simulator`", of_simulator))
    return "".join(f"\n## {title}\n{''.join(entries)}" for title, entries in sections)


def _nodes_with(spec: ParameterSpec) -> tuple[str, ...]:
    """The executables whose nodes have a parameter."""
    if spec.suite_only:
        return (SUITE,)
    return (*(EXECUTABLES[task] for task in TASKS if task in (spec.tasks or TASKS)), SUITE)


def _listed(nodes: tuple[str, ...]) -> str:
    if len(nodes) > len(EXECUTABLES):
        return "every node"
    *others, last = (f"the `{node}`" for node in nodes)
    return f"{', '.join(others)} and {last}" if others else last


def _entry(spec: ParameterSpec) -> str:
    default = spec.default_note if spec.default is None else _words(spec.default)
    limits = "" if spec.limits is None else ", {:.9g} to {:.9g}".format(*spec.limits)
    change = spec.change.value if spec.change is Change.NEVER else f"can change {spec.change.value}"
    return (
        f"\n### `{spec.name}`\n\n*{_type(spec)}{limits}; default {default}; {change}*\n\n{spec.description}\n"
    )


def _type(spec: ParameterSpec) -> str:
    if spec.is_list:
        return "list of texts"
    if spec.default is None:
        return _TYPES[bool if spec.limits is None else float]
    return _TYPES[type(spec.default)]


def _words(value: Any) -> str:
    """A default as it is written in a parameter file."""
    return f"`{json.dumps(value).strip(chr(34))}`" if value not in ("", []) else "empty"
