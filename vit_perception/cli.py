"""`vit-perception`: look at one picture, replay recordings through live nodes, list models, see the demo."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence

from vit_perception.commands import (
    bench,
    chaos,
    compress,
    data,
    demo,
    drive,
    explain,
    label,
    models,
    predict,
    quantize,
    replay,
    sim,
    train,
    view,
)
from vit_perception.install_hint import pip_install

# In the order in which `--help` lists them; each has HELP, `add_arguments` and `run`.
COMMANDS = {
    "replay": replay,
    "demo": demo,
    "view": view,
    "predict": predict,
    "explain": explain,
    "label": label,
    "quantize": quantize,
    "compress": compress,
    "bench": bench,
    "chaos": chaos,
    "drive": drive,
    "sim": sim,
    "data": data,
    "train": train,
    "models": models,
}

# Modules that a ROS installation brings and pip alone does not.
_ROS = ("rclpy", "vision_msgs", "sensor_msgs", "std_msgs", "diagnostic_msgs", "tf2_msgs", "rosidl_runtime_py")
# What only making and measuring a model needs.
_TOOLS = {"torch": "PyTorch", "nncf": "NNCF", "pycocotools": "pycocotools", "aiohttp": "aiohttp"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the process's exit code."""
    options = make_parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        with _sigterm_unwinds():
            code: int = options.run(options)
        return code
    except ModuleNotFoundError as error:
        root = (error.name or "").split(".")[0]
        if root in _TOOLS:
            return _fail(f"this needs {_TOOLS[root]}, which running a model does not: {pip_install(root)}")
        if root not in _ROS:
            raise
        return _fail(
            f"{root} is not installed in {sys.executable}: source your ROS 2 setup, or run `make setup`"
        )
    except (ValueError, OSError, RuntimeError) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return 130


@contextlib.contextmanager
def _sigterm_unwinds() -> Iterator[None]:
    """In its context, SIGTERM leaves through every `finally`: a command ends the nodes that it started."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def make_parser() -> argparse.ArgumentParser:
    """All commands with their arguments."""
    parser = argparse.ArgumentParser(prog="vit-perception", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        description = f"{command.HELP[0].upper()}{command.HELP[1:]}."
        below = commands.add_parser(name, help=command.HELP, description=description)
        command.add_arguments(below)
        below.set_defaults(run=command.run)
    return parser


def _fail(reason: str) -> int:
    print(f"vit-perception: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
