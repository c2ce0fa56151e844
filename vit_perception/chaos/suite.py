"""The suite under test: a process that is started, disturbed, stopped and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from vit_perception.bench import usage
from vit_perception.chaos.setup import Setup
from vit_perception.nodes.executables import SUITE, SUITE_NODE
from vit_perception.replay.live_node import LiveNode
from vit_perception.replay.processes import node_command

_SERVICE_SECONDS = 20.0
_EXIT_SECONDS = 30.0
# To the state that works, from any other; those that do not apply are refused.
TO_ACTIVE = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)


@dataclass(frozen=True)
class Start:
    """How a process is started.

    Attributes:
        environment: variables on top of this process's own.
        before: a command that runs in its place first, and gives it way with `exec`.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[str] = ()


class Suite(LiveNode):
    """Starts the suite when it is entered as a context manager, and ends it at the end.

    Args:
        namespace: of the node, with a slash at its beginning.
        parameters: name → YAML value.
        log: file with its stdout and stderr, of all processes one after the other.

    Attributes:
        setup: of the next process: which cameras it subscribes to.
        starts: how many processes there were.
        folder: in which the log is.
    """

    def __init__(self, namespace: str, parameters: Mapping[str, str], log: Path) -> None:
        super().__init__("chaos_operator")
        self.setup, self.starts = Setup(), 0
        self._name, self._namespace = f"{namespace}/{SUITE_NODE}", namespace
        self._given, self._log = parameters, log
        self._process: subprocess.Popen[bytes] | None = None
        self._states = self._node.create_client(ChangeState, f"{self._name}/change_state")
        self._parameters = self._node.create_client(SetParameters, f"{self._name}/set_parameters")

    def __enter__(self) -> Suite:
        super().__enter__()
        self.start(Start())
        return self

    def __exit__(self, *details: Any) -> None:
        if self.alive:
            self.end(signal.SIGINT)
        super().__exit__(*details)

    @property
    def folder(self) -> Path:
        return self._log.parent.resolve()

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

    def start(self, start: Start) -> None:
        """Start a process for the cameras of `setup`."""
        parameters = {**self._given, **self.setup.parameters}
        command = node_command(SUITE, parameters, "-r", f"__ns:={self._namespace}")
        with self._log.open("ab") as stream:
            self._process = subprocess.Popen(
                [*start.before, sys.executable, *command],
                env={**os.environ, **start.environment},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.starts += 1

    def end(self, kind: signal.Signals) -> str:
        """Send a signal and wait. While Python itself starts, any process ends by it: that is waited for.

        Returns:
            What went wrong; empty if it ended in order.
        """
        assert self._process is not None
        while self.alive and not _catches(self.pid, signal.SIGTERM):
            time.sleep(0.01)
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
        request = ChangeState.Request(transition=Transition(id=transition))
        answer = self.call(self._states, request, _SERVICE_SECONDS)
        return None if answer is None else bool(answer.success)

    def set_parameters(self, values: Mapping[str, Any]) -> bool | None:
        """Whether all were accepted; None without an answer."""
        messages = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        return self.set_messages(messages)

    def set_messages(self, messages: Sequence[ParameterMessage]) -> bool | None:
        """As `set_parameters`, of messages that may be wrong."""
        request = SetParameters.Request(parameters=list(messages))
        answer = self.call(self._parameters, request, _SERVICE_SECONDS)
        return None if answer is None else all(result.successful for result in answer.results)


def _catches(pid: int, kind: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (kind - 1) & 1)
    return False
