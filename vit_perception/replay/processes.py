"""The nodes under test as real processes, started and stopped with the replay."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from vit_perception.nodes.executables import EXECUTABLES, SUITE, SUITE_NODE
from vit_perception.nodes.transport import large_image_environment

_STOP_SECONDS = 5.0


class NodeDied(RuntimeError):
    """A node's process ended by itself; the message has the end of its log."""


@dataclass(frozen=True)
class NodeProcess:
    """One running executable.

    Attributes:
        node: its name in the graph.
        process: the child process.
        log: file with its stdout and stderr.
    """

    node: str
    process: subprocess.Popen
    log: Path

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def plan(composed: bool, tasks: Sequence[str]) -> dict[str, str]:
    """Node name → executable to run for these tasks."""
    if composed:
        return {SUITE_NODE: SUITE}
    return {EXECUTABLES[task]: EXECUTABLES[task] for task in tasks}


def node_command(executable: str, parameters: Mapping[str, str], *ros_arguments: str) -> list[str]:
    """Arguments for the Python interpreter to run an executable of this package, installed or not.

    Args:
        executable: one of `nodes/executables.py`.
        parameters: name → YAML value.
        ros_arguments: more of ROS's own arguments, such as `-r __ns:=/front`.
    """
    given = [argument for name, value in parameters.items() for argument in ("-p", f"{name}:={value}")]
    return ["-m", "vit_perception.nodes.executables", executable, "--ros-args", *given, *ros_arguments]


def isolated_environment(domain: int) -> dict[str, str]:
    """Environment variables that isolate a graph: no other nodes join, and nothing leaves this machine.

    Args:
        domain: ROS domain of its processes.
    """
    return {
        **large_image_environment(),
        "ROS_DOMAIN_ID": str(domain),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }


@contextlib.contextmanager
def isolated(domain: int) -> Iterator[dict[str, str]]:
    """Gives the variables of `isolated_environment`, which this process has, too, until the block ends.

    Then they are as before: what the caller starts next has to find the caller's own nodes.

    Args:
        domain: ROS domain of this process's participants and of the processes that it starts.
    """
    environment = isolated_environment(domain)
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield environment
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def free_domain() -> int:
    """A ROS domain that no process on this machine uses at the moment.

    Only 1 to 101 are safe on Linux: higher ones use ports that the kernel hands out. A domain's
    participants bind UDP port 7400 + 250 * domain, or, with discovery kept to this machine, the
    first of them 10 above: binding them shows whether one is there.

    Raises:
        RuntimeError: all are in use.
    """
    for domain in random.sample(range(1, 102), 101):
        if all(_port_is_free(offset + 250 * domain) for offset in (7400, 7410)):
            return domain
    raise RuntimeError("every ROS domain from 1 to 101 is in use on this machine: give one with --domain-id")


def _port_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


class Processes:
    """Starts a process for each command, and stops them all on leaving the context.

    Args:
        commands: node name → arguments for the Python interpreter, see `node_command`.
        environment: variables for the processes, on top of this process's own.
        log_folder: for `<node>.log`; made if it is not there.
    """

    def __init__(
        self, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], log_folder: Path
    ) -> None:
        self._commands = dict(commands)
        self._environment = {**os.environ, **environment}
        self._log_folder = log_folder
        self.running: list[NodeProcess] = []

    def __enter__(self) -> Processes:
        self._log_folder.mkdir(parents=True, exist_ok=True)
        try:
            for node, arguments in self._commands.items():
                self.running.append(self._start(node, arguments))
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self, node: str, arguments: Sequence[str]) -> NodeProcess:
        log = self._log_folder / f"{node}.log"
        with log.open("wb") as stream:
            # A session of its own keeps the terminal's Ctrl-C from the nodes: they are stopped after the
            # last results are on disk.
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return NodeProcess(node, process, log)

    def check(self) -> None:
        """Raise NodeDied if a process has ended."""
        for running in self.running:
            code = running.process.poll()
            if code is not None:
                raise NodeDied(
                    f"node {running.node} ended with exit code {code}; it said:\n{running.log_tail()}"
                )

    def stop(self) -> None:
        """End every process and wait until it has ended: SIGINT, SIGTERM and SIGKILL, a few seconds apart."""
        for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            alive = [running.process for running in self.running if running.process.poll() is None]
            for process in alive:
                process.send_signal(kind)
            deadline = time.monotonic() + _STOP_SECONDS
            for process in alive:
                try:
                    process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    continue

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
