"""Between the ROS graph and the open pages: each frame is encoded once, and only for pages that take it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from vit_perception.view.bundle import encode
from vit_perception.view.controls import Controls
from vit_perception.view.layers import labels_of
from vit_perception.view.recording import Recording
from vit_perception.view.settings import ViewSettings
from vit_perception.view.viewer import Viewer
from vit_perception.view.watcher import Watcher

_STATUS_SECONDS = 1.0


class Hub:
    """What all pages share. All but `news` is called in the thread of the event loop.

    Args:
        settings: of the server.
        watcher: entered.
        controls: entered.

    Attributes:
        viewers: the open pages.
    """

    def __init__(self, settings: ViewSettings, watcher: Watcher, controls: Controls) -> None:
        self.viewers: set[Viewer] = set()
        self._settings = settings
        self._watcher = watcher
        self._controls = controls
        self._recording: Recording | None = None
        self._problems: dict[str, str] = {}
        # The last picture of each camera: its stamp, and the bundle.
        self._last: dict[str, tuple[int, bytes]] = {}
        self._news = asyncio.Event()

    def news(self) -> None:
        """Something has come."""
        self._news.set()

    def attend(self) -> None:
        """Subscribe to what the pages that are not stalled look at."""
        wanted: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
        for viewer in self.viewers:
            if not viewer.is_stalled:
                for camera, layers in viewer.watched.items():
                    wanted[camera] |= layers
        self._watcher.want(bool(self.viewers), dict(wanted))

    def leave(self, viewer: Viewer) -> None:
        """A page is closed; the last one ends the recording."""
        self.viewers.discard(viewer)
        self.attend()
        if not self.viewers:
            self._last.clear()
            self.end()

    async def feed(self) -> None:
        """Send pictures, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            for camera in {camera for viewer in self.viewers for camera in viewer.watched}:
                await self._feed(camera)
            await asyncio.sleep(1 / self._settings.rate)

    async def report(self) -> None:
        """Send the status once a second, and the controls when they have changed, until cancelled."""
        read: set[str] = set()
        while True:
            await asyncio.sleep(_STATUS_SECONDS)
            if not self.viewers:
                continue
            self.attend()
            self._broadcast("status", self._status())
            nodes = set(self._watcher.reports)
            for node in sorted((nodes - read) | (self._controls.changed & nodes)):
                await self.send_controls(node)
            read = nodes

    async def welcome(self, viewer: Viewer) -> None:
        """Send a new page what it would otherwise wait for."""
        viewer.send("status", json.dumps({"kind": "status", **self._status()}))
        for node in self._watcher.reports:
            await self.send_controls(node)

    async def send_controls(self, node: str) -> None:
        """Read the controls of a node and send them to all pages."""
        found = await asyncio.to_thread(self._controls.read, node)
        if found:
            self._broadcast("controls", {"node": node, "controls": found}, slot=f"controls {node}")
        else:
            self._controls.changed.add(node)  # asked again

    async def set_parameter(self, node: str, name: str, value: Any) -> str:
        """Gives why it was refused; empty if it was not."""
        if node not in self._watcher.reports:
            return f"there is no node {node}"
        reason = await asyncio.to_thread(self._controls.set, node, name, value)
        await self.send_controls(node)  # what it is now, also where a page shows what was refused
        return reason

    async def record(self, on: bool) -> str:
        """Start or end a recording; gives what became of it, in words."""
        if not on:
            recording = self._take_recording()
            if recording is None:
                return "nothing is being recorded"
            await asyncio.to_thread(recording.stop)
            return recording.problem or f"{recording.messages} messages in {recording.path}"
        if self._recording is not None and self._recording.is_running:
            return f"already recording into {self._recording.path}"
        try:
            self._recording = Recording(self._settings.output, self._watcher.latched)
        except OSError as error:
            return str(error)
        self._watcher.tap = self._recording.put
        return f"recording into {self._recording.path}"

    def end(self) -> None:
        """End the recording, if there is one."""
        if (recording := self._take_recording()) is not None:
            recording.stop()

    def _take_recording(self) -> Recording | None:
        recording, self._recording = self._recording, None
        self._watcher.tap = None
        return recording

    async def _feed(self, camera: str) -> None:
        """Encode the newest picture of a camera if a page takes one, and send it to all that do."""
        takers = [viewer for viewer in self.viewers if viewer.takes(camera)]
        gathering = self._watcher.gatherings.get(camera)
        if not takers or gathering is None:
            return
        stamp, bundle = self._last.get(camera, (0, b""))
        layers = frozenset[str]().union(*(viewer.watched[camera] for viewer in takers))
        scene = gathering.newest(layers, stamp)
        if scene is not None:
            try:
                bundle = await asyncio.to_thread(encode, scene)
            except (ValueError, RuntimeError) as error:  # RuntimeError: the bytes are no such message
                self._problems[camera] = str(error)
                return
            self._problems.pop(camera, None)
            stamp = scene.stamp_ns
            self._last[camera] = stamp, bundle
        for viewer in takers:
            if viewer.takes(camera) and viewer.shown_ns(camera) != stamp:
                viewer.show(camera, stamp, bundle)

    def _broadcast(self, kind: str, content: dict[str, Any], slot: str = "") -> None:
        text = json.dumps({"kind": kind, **content})
        for viewer in self.viewers:
            viewer.send(slot or kind, text)

    def _status(self) -> dict[str, Any]:
        recording = self._recording
        now = time.monotonic()
        return {
            "nodes": {
                name: {
                    "level": report.level,
                    "message": report.message,
                    "values": dict(report.values),
                    "silent_s": now - report.when,
                }
                for name, report in sorted(self._watcher.reports.items())
            },
            "cameras": {prefix: self._camera(prefix) for prefix in sorted(self._watcher.cameras)},
            "recording": recording
            and {
                "path": str(recording.path),
                "messages": recording.messages,
                "left_out": recording.left_out,
                "problem": recording.problem,
            },
        }

    def _camera(self, prefix: str) -> dict[str, Any]:
        camera, gathering = self._watcher.cameras[prefix], self._watcher.gatherings.get(prefix)
        labels = self._watcher.labels.get(prefix, {})
        return {
            "image": camera.image and camera.image[0],
            "layers": camera.layers,
            "labels": {layer: labels_of(layer, labels) for layer in camera.layers},
            "topics": gathering.arrivals() if gathering else {},
            "problem": self._problems.get(prefix, ""),
        }


def threadsafe(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> Callable[[], None]:
    """`call` from any thread; nothing once the loop is closed."""

    def from_anywhere() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(call)

    return from_anywhere
