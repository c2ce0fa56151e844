"""Runs long commands: one line of progress each, and a log whose end is shown on failure."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_TAIL_LINES = 30
_BEAT_SECONDS = 0.5
# A log file gets a line now and then; a terminal has its line rewritten at every beat.
_LINE_EVERY_SECONDS = 15.0


class StepFailed(RuntimeError):
    """A step of the set-up failed; the message says why."""


def run(title: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a command, and show its title with the seconds gone by.

    Args:
        title: Of the line of progress.
        command: Program and arguments.
        log: File to append the output to.
        environment: Of the command; ours unless given.

    Raises:
        StepFailed: The command ended with an error; the message has the end of its output.
    """
    terminal = sys.stdout.isatty()
    start = time.monotonic()
    next_line = _LINE_EVERY_SECONDS
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f"  {title} …", end="" if terminal else "\n", flush=True)
    with log.open("ab") as stream:
        begin = stream.tell()
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                try:
                    process.wait(_BEAT_SECONDS)
                except subprocess.TimeoutExpired:
                    elapsed = time.monotonic() - start
                    if terminal:
                        print(f"\r  {title} … {elapsed:.0f} s", end="", flush=True)
                    elif elapsed >= next_line:
                        print(f"  {title} … {elapsed:.0f} s", flush=True)
                        next_line += _LINE_EVERY_SECONDS
        except BaseException:
            process.terminate()
            process.wait()
            raise
    elapsed = time.monotonic() - start
    if process.returncode:
        output = log.read_bytes()[begin:].decode(errors="replace").splitlines()
        tail = "\n".join(output[-_TAIL_LINES:])
        raise StepFailed(f"{tail}\n{title} failed (exit code {process.returncode}); all of it is in {log}")
    print(f"{chr(13) if terminal else ''}  {title}: done in {elapsed:.0f} s", flush=True)
