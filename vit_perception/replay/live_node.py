"""A ROS node with a context and a thread of its own, beside the nodes under test."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, TypeVar

import rclpy
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

Self = TypeVar("Self", bound="LiveNode")


class LiveNode:
    """Spins while it is entered as a context manager. Needs the environment (transports) set before.

    Args:
        name: of the node.
        domain_id: ROS domain; None is that of the environment.
    """

    def __init__(self, name: str, domain_id: int | None = None) -> None:
        self._context = Context()
        # Ctrl-C stays a KeyboardInterrupt, so that the caller can end in order.
        rclpy.init(context=self._context, domain_id=domain_id, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node(name, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name=f"{name}-spin", daemon=True)

    def __enter__(self: Self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def call(self, client: Client, request: Any, seconds: float) -> Any:
        """Answer of a service to a request, not from the thread that spins.

        Args:
            client: of this node.
            request: for its service.
            seconds: within which the service has to be there, and then to answer.

        Returns:
            None if it does not.
        """
        if not client.wait_for_service(seconds):
            return None
        done = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        return future.result() if done.wait(seconds) else None

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return
