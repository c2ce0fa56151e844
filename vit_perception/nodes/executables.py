"""The seven executables of the package, as in `ros2 run vit_perception detector`.

Without an installed package: `python -m vit_perception.nodes.executables detector`.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from vit_perception.runtime.beside import works_beside
from vit_perception.runtime.malloc import keep_large_blocks
from vit_perception.tasks import ATTENTION, CLASSIFICATION, DEPTH, DETECTION, NAVIGATION, SEGMENTATION

if TYPE_CHECKING:
    from rclpy.executors import Executor

# The executable of each task. Its node and its file in `config/` have the same name.
EXECUTABLES = {
    CLASSIFICATION: "classifier",
    DETECTION: "detector",
    SEGMENTATION: "segmenter",
    NAVIGATION: "navigator",
    DEPTH: "depth",
    ATTENTION: "attention",
}
# The executable for any set of tasks, which takes one forward pass a frame, and its node.
SUITE, SUITE_NODE = "suite", "perception"

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(name: str, tasks: Sequence[str] | None = None) -> int:
    """Run a node until Ctrl-C or SIGTERM.

    A node that cannot be configured keeps running: it publishes the reason on /diagnostics, and can be given
    another model and configured again.

    Args:
        name: of the node.
        tasks: to compute; None: those of its parameter `tasks`.

    Returns:
        The exit code: 0 after a signal; 1 if a parameter or another argument was wrong, or ROS cannot start.
    """
    try:
        code = _run(name, tasks)
    except SystemExit:  # of a signal
        code = 0
    if works_beside():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(name: str, tasks: Sequence[str] | None) -> int:
    for kind in _SIGNALS:
        signal.signal(kind, _exit)
    keep_large_blocks()
    # Imported after the signal handlers are set: it takes a second, in which a user may press Ctrl-C.
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # such as a remapping to what is no topic, or no place for ROS's own log
        print(f"{name}: ROS does not start: {error}", file=sys.stderr)
        return 1
    try:
        return _spin(name, tasks)
    finally:
        rclpy.try_shutdown()


def _exit(_: int, __: FrameType | None) -> NoReturn:
    """End at once, while the node starts. The terminal and launch both send SIGINT; the second is ignored."""
    for kind in _SIGNALS:
        signal.signal(kind, signal.SIG_IGN)
    raise SystemExit(0)


def _spin(name: str, tasks: Sequence[str] | None) -> int:
    from rclpy.executors import SingleThreadedExecutor

    from vit_perception.nodes.perception_node import PerceptionNode

    try:
        node = PerceptionNode(name, tasks)
    except ValueError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        if node.autostart:
            executor.create_task(node.start_beside)
        _spin_until_signal(executor)
    finally:
        node.destroy_node()
        executor.shutdown(timeout_sec=0)  # what works beside it may still want an answer
    return 0


def _spin_until_signal(executor: Executor) -> None:
    """Spin until SIGINT or SIGTERM; the callback that is under way ends first.

    An exception from a handler in Python could come at any line, and rclpy's handlers shut ROS down under the
    threads that use it. Here, the signal becomes a task of the executor: the node ends while ROS still runs.
    """
    stopped = threading.Event()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def wait() -> None:
        os.read(reading, 1)
        executor.create_task(stopped.set)

    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for kind in _SIGNALS:
        signal.signal(kind, lambda *_: None)
    threading.Thread(target=wait, name="signals", daemon=True).start()
    while not stopped.is_set():
        executor.spin_once()


classifier = functools.partial(run, EXECUTABLES[CLASSIFICATION], (CLASSIFICATION,))
detector = functools.partial(run, EXECUTABLES[DETECTION], (DETECTION,))
segmenter = functools.partial(run, EXECUTABLES[SEGMENTATION], (SEGMENTATION,))
navigator = functools.partial(run, EXECUTABLES[NAVIGATION], (NAVIGATION,))
depth = functools.partial(run, EXECUTABLES[DEPTH], (DEPTH,))
attention = functools.partial(run, EXECUTABLES[ATTENTION], (ATTENTION,))
suite = functools.partial(run, SUITE_NODE)


if __name__ == "__main__":
    sys.exit(globals()[sys.argv.pop(1)]())
