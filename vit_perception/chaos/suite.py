"""The suite under test: a process that is started, disturbed, stopped and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from vit_perception.bench import usage
from vit_perception.nodes.executables import SUITE, SUITE_NODE
from vit_perception.replay.live_node import LiveNode
from vit_perception.replay.processes import node_command

_SERVICE_SECONDS = 20.0
_EXIT_SECONDS = 30.0
# To the state that works, from any other; those that do not apply are refused.
TO_ACTIVE = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)


class Suite(LiveNode):
    """Starts the suite when it is entered as a context manager, and ends it at the end.

    Args:
        namespace: of the node, with a slash at its beginning.
        parameters: name → YAML value.
        log: file with its stdout and stderr, of all processes one after the other.

    Attributes:
        starts: how many processes there were.
    """

    def __init__(self, namespace: str, parameters: Mapping[str, str], log: Path) -> None:
        super().__init__("chaos_operator")
        self.starts = 0
        self._name = f"{namespace}/{SUITE_NODE}"
        self._command = node_command(SUITE, parameters, "-r", f"__ns:={namespace}")
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._states = self._node.create_client(ChangeState, f"{self._name}/change_state")
        self._parameters = self._node.create_client(SetParameters, f"{self._name}/set_parameters")

    def __enter__(self) -> Suite:
        super().__enter__()
        self.start({})
        return self

    def __exit__(self, *details: Any) -> None:
        if self.alive:
            self.end(signal.SIGINT)
        super().__exit__(*details)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of the last process; None while it runs."""
        return None if self._process is None else self._process.poll()

    def rss_mb(self) -> float:
        """Resident memory, 10^6 bytes; 0 if it does not run."""
        try:
            return usage.rss_mb(self.pid)
        except OSError:
            return 0.0

    def start(self, environment: Mapping[str, str]) -> None:
        """Start a process with these variables on top of this process's own."""
        with self._log.open("ab") as stream:
            self._process = subprocess.Popen(
                [sys.executable, *self._command],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.starts += 1

    def end(self, kind: signal.Signals) -> str:
        """Send a signal and wait.

        Returns:
            What went wrong; empty if it ended in order.
        """
        assert self._process is not None
        begin = time.monotonic()
        self._process.send_signal(kind)
        try:
            code = self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return f"{kind.name} did not end the suite within {_EXIT_SECONDS:.0f} s"
        if code:
            return f"{kind.name} ended the suite with exit code {code} after {time.monotonic() - begin:.1f} s"
        return ""

    def change_state(self, transition: int) -> bool | None:
        """Ask for a transition: whether it was made; None without an answer."""
        answer = self._call(self._states, ChangeState.Request(transition=Transition(id=transition)))
        return None if answer is None else bool(answer.success)

    def set_parameters(self, values: Mapping[str, Any]) -> bool | None:
        """Whether all were accepted; None without an answer."""
        messages = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        return self.set_messages(messages)

    def set_messages(self, messages: Sequence[ParameterMessage]) -> bool | None:
        """As `set_parameters`, of messages that may be wrong."""
        answer = self._call(self._parameters, SetParameters.Request(parameters=list(messages)))
        return None if answer is None else all(result.successful for result in answer.results)

    def _call(self, client: Any, request: Any) -> Any:
        if not client.wait_for_service(_SERVICE_SECONDS):
            return None
        done = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        done.wait(_SERVICE_SECONDS)
        return future.result() if future.done() else None
