"""Two nodes of one name: whoever asks or sets one of them reaches both, or either."""

from __future__ import annotations

from rclpy.node import Node


def warning(node: Node) -> str:
    """That other nodes have this one's name, and what to do; empty if none has."""
    own = (node.get_name(), node.get_namespace())
    count = node.get_node_names_and_namespaces().count(own)
    if count < 2:
        return ""
    return (
        f"{count} nodes are called {node.get_fully_qualified_name()}, so that services and parameters reach "
        "any of them: give each a name or namespace of its own"
    )
