"""One open page: what it looks at, and what it gets next. What it is too slow for is replaced, not queued."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from aiohttp import web

# Seconds after which a picture that was not confirmed as drawn tells that nobody looks.
_STALLED_SECONDS = 5.0


class Viewer:
    """A page gets a picture of a camera once it has drawn the last one; other messages replace unsent ones.

    Args:
        socket: open.

    Attributes:
        watched: layers by camera.
    """

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.watched: dict[str, frozenset[str]] = {}
        self._socket = socket
        self._slots: dict[str, str | bytes] = {}
        self._filled = asyncio.Event()
        # Camera → when its picture was offered that is not drawn yet.
        self._undrawn: dict[str, float] = {}
        self._shown: dict[str, int] = {}

    @property
    def is_stalled(self) -> bool:
        """Whether it has not drawn what it was sent for so long that it counts as nobody."""
        now = time.monotonic()
        return any(now - since > _STALLED_SECONDS for since in self._undrawn.values())

    def watch(self, layers: Mapping[str, Sequence[str]]) -> None:
        """Look at these layers by camera, and at nothing else."""
        self.watched = {camera: frozenset(names) for camera, names in layers.items()}
        self._undrawn.clear()
        for camera in self._shown.keys() - self.watched.keys():
            del self._shown[camera]

    def takes(self, camera: str) -> bool:
        """Whether it looks at a camera, and has drawn its last picture."""
        return camera in self.watched and camera not in self._undrawn

    def shown_ns(self, camera: str) -> int:
        """Stamp of the last picture of a camera that it got; 0 before the first."""
        return self._shown.get(camera, 0)

    def show(self, camera: str, stamp_ns: int, bundle: bytes) -> None:
        """Send a picture that it takes."""
        self._undrawn[camera] = time.monotonic()
        self._shown[camera] = stamp_ns
        self.send(f"scene {camera}", bundle)

    def drawn(self, camera: str) -> None:
        """Its picture of a camera is on its screen."""
        self._undrawn.pop(camera, None)

    def send(self, slot: str, message: str | bytes) -> None:
        """Send a message, in place of one of this slot that has not left yet."""
        self._slots[slot] = message
        self._filled.set()

    async def write(self) -> None:
        """Send what there is, until cancelled or the page is gone."""
        while not self._socket.closed:
            await self._filled.wait()
            self._filled.clear()
            while self._slots:
                message = self._slots.pop(next(iter(self._slots)))
                if isinstance(message, str):
                    await self._socket.send_str(message)
                else:
                    await self._socket.send_bytes(message)
