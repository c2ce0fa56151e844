"""The seven executables: from a shell's command to a spinning node and back to the shell.

`ros2 run vit_perception detector`; where nothing is installed, `python -m vit_perception.nodes.executables
detector`.
"""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from vit_perception.runtime.malloc import keep_large_blocks
from vit_perception.tasks import ATTENTION, CLASSIFICATION, DEPTH, DETECTION, NAVIGATION, SEGMENTATION

# The executable of each task, which names its node and its file in `config/`.
EXECUTABLES = {
    CLASSIFICATION: "classifier",
    DETECTION: "detector",
    SEGMENTATION: "segmenter",
    NAVIGATION: "navigator",
    DEPTH: "depth",
    ATTENTION: "attention",
}
# The executable that runs any set of tasks with one forward pass a frame, and its node.
SUITE, SUITE_NODE = "suite", "perception"

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(name: str, tasks: Sequence[str] | None = None) -> int:
    """Run a node until Ctrl-C or SIGTERM.

    Returns:
        The exit code: 0 after a signal; 1 if a parameter was wrong. A node that could not be configured
        stays, says why on /diagnostics, and can be given another model and configured again.
    """
    for kind in _SIGNALS:
        signal.signal(kind, _leave)
    keep_large_blocks()
    # Only now: these imports take a second or more, in which a user may press Ctrl-C.
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        return _spin(name, tasks)
    finally:
        rclpy.try_shutdown()


def _leave(_: int, __: FrameType | None) -> NoReturn:
    """While the node starts: end here and now. Launch and terminal both send Ctrl-C, so once is enough."""
    for kind in _SIGNALS:
        signal.signal(kind, signal.SIG_IGN)
    raise SystemExit(0)


def _spin(name: str, tasks: Sequence[str] | None) -> int:
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions, install_signal_handlers

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
            node.start()
        # rclpy wakes the executor on a signal and shuts down; an exception from Python's own handler
        # on top of that, at any line, would only tear the ending apart.
        for kind in _SIGNALS:
            signal.signal(kind, lambda *_: None)
        install_signal_handlers(SignalHandlerOptions.ALL)
        executor.spin()
    except ExternalShutdownException:
        pass
    finally:
        node.destroy_node()
        executor.shutdown()
    return 0


classifier = functools.partial(run, EXECUTABLES[CLASSIFICATION], (CLASSIFICATION,))
detector = functools.partial(run, EXECUTABLES[DETECTION], (DETECTION,))
segmenter = functools.partial(run, EXECUTABLES[SEGMENTATION], (SEGMENTATION,))
navigator = functools.partial(run, EXECUTABLES[NAVIGATION], (NAVIGATION,))
depth = functools.partial(run, EXECUTABLES[DEPTH], (DEPTH,))
attention = functools.partial(run, EXECUTABLES[ATTENTION], (ATTENTION,))
suite = functools.partial(run, SUITE_NODE)


if __name__ == "__main__":
    sys.exit(globals()[sys.argv.pop(1)]())
