"""What an engine compiled, by the shapes of its inputs: a new one beside those that are in use."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import numpy as np

from vit_perception.runtime.beside import run_beside

Compiled = TypeVar("Compiled")
# Name and shape of each input.
Shapes = tuple[tuple[str, tuple[int, ...]], ...]
# How many are kept, at some 130 MB each. For a camera: one that runs and one that is being compiled, or those
# of two cameras. Elsewhere pictures come in many shapes, and in any order.
MOST_LIVE, MOST = 2, 8
# Seconds for which nobody wanted a shape, after which another may take its place.
_UNWANTED = 1.0


class Interrupted(RuntimeError):
    """Somebody else ended the wait for a compilation, which goes on."""


def shapes_of(inputs: Mapping[str, np.ndarray]) -> Shapes:
    """Those of an engine's inputs, by name."""
    return tuple((name, values.shape) for name, values in inputs.items())


class CompiledShapes(Generic[Compiled]):
    """Compiles for one shape at a time, on a thread of its own. Any thread may use it.

    Args:
        make: compiles; may take seconds, and raise.
        most: how many to keep, the one that is being compiled included.
    """

    def __init__(self, make: Callable[[Shapes], Compiled], most: int = MOST) -> None:
        self._make = make
        self._most = most
        self._changed = threading.Condition()
        self._ready: dict[Shapes, Compiled] = {}
        self._wanted_at: dict[Shapes, float] = {}
        self._coming: Shapes | None = None
        self._failed: dict[Shapes, Exception] = {}
        self._interrupts = 0

    @property
    def compiling(self) -> bool:
        return self._coming is not None

    @property
    def ready(self) -> tuple[Shapes, ...]:
        """Those that are computed without delay."""
        with self._changed:
            return tuple(self._ready)

    def want(self, shapes: Shapes) -> bool:
        """Whether `shapes` are ready. If not, they are compiled, unless others in use would have to go.

        Raises:
            Exception: what `make` raised for them; the next call lets it try again.
        """
        with self._changed:
            self._raise_failure(shapes)
            self._wanted_at[shapes] = time.monotonic()
            if shapes in self._ready:
                return True
            if self._coming is None and self._has_room():
                self._start(shapes)
            return False

    def get(self, shapes: Shapes) -> Compiled:
        """What was compiled for `shapes`, after a wait if need be.

        Raises:
            Interrupted: `interrupt` was called meanwhile. Exception: what `make` raised for them.
        """
        with self._changed:
            before = self._interrupts
            while shapes not in self._ready:
                self._raise_failure(shapes)
                if self._interrupts != before:
                    raise Interrupted("nobody waits any longer until the model is compiled")
                if self._coming is None:
                    self._wanted_at[shapes] = time.monotonic()
                    self._start(shapes)
                self._changed.wait()
            return self._ready[shapes]

    def interrupt(self) -> None:
        """End the waiting of other threads in `get`."""
        with self._changed:
            self._interrupts += 1
            self._changed.notify_all()

    def _has_room(self) -> bool:
        """Whether another can be compiled while what is in use stays."""
        if len(self._ready) < self._most:
            return True
        return time.monotonic() - min(self._wanted_at[shapes] for shapes in self._ready) > _UNWANTED

    def _start(self, shapes: Shapes) -> None:
        while len(self._ready) >= self._most:
            del self._ready[min(self._ready, key=self._wanted_at.__getitem__)]
        self._wanted_at = {each: self._wanted_at[each] for each in (*self._ready, shapes)}
        self._coming = shapes
        run_beside("compiling", self._compile)

    def _compile(self) -> None:
        assert self._coming is not None  # set before the thread starts
        shapes = self._coming
        made, error = None, None
        try:
            made = self._make(shapes)
        except Exception as raised:
            error = raised
        with self._changed:
            if made is not None:
                self._ready[shapes] = made
            elif error is not None:
                self._failed[shapes] = error
            self._coming = None
            self._changed.notify_all()

    def _raise_failure(self, shapes: Shapes) -> None:
        if (error := self._failed.pop(shapes, None)) is not None:
            raise error
