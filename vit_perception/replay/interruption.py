"""Ctrl-C as a flag that work in progress checks, so that no file is left half written."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """A signal asked this process to end.

    Args:
        number: of the signal.

    Attributes:
        exit_code: what a shell expects: 128 plus the number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


class Interruption:
    """In its context, SIGINT and SIGTERM make `check` raise; a second signal ends the process at once.

    Only the main thread can enter it, as with all signal handlers.
    """

    def __init__(self) -> None:
        self._number: int | None = None
        self._before: dict[signal.Signals, object] = {}

    def check(self) -> None:
        """Return if no signal has come.

        Raises:
            Interrupted: one has.
        """
        if self._number is not None:
            raise Interrupted(self._number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._number is not None:
            raise KeyboardInterrupt
        self._number = number

    def __enter__(self) -> Interruption:
        self._before = {kind: signal.signal(kind, self._note) for kind in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
