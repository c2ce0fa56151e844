"""The page over HTTP, and what it shows over a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from aiohttp import WSMsgType, web

from vit_perception.view.access import COOKIE, refusal
from vit_perception.view.controls import Controls
from vit_perception.view.hub import Hub, threadsafe
from vit_perception.view.layers import BOXES, LAYERS, MAPS, SCORES
from vit_perception.view.settings import ViewSettings
from vit_perception.view.viewer import Viewer
from vit_perception.view.watcher import Watcher
from vit_perception.viz.draw import class_colour

_PAGE = Path(__file__).parent / "page"
# Bytes of a request of a page.
_LONGEST_REQUEST = 65_536
# Seconds within which a browser has to answer that it is there.
_HEARTBEAT = 20.0
# Seconds that open pages get to say goodbye.
_SHUTDOWN_SECONDS = 1.0
_HEADERS = {
    # The token is in the address. And no page of others may frame this one and place its clicks.
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Serves from `start` to `stop`.

    Args:
        settings: where, and to whom.
    """

    def __init__(self, settings: ViewSettings) -> None:
        self._settings = settings
        self._stack = contextlib.ExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self.hub: Hub

    async def start(self) -> str:
        """Start; gives the address of the page.

        Raises:
            OSError: the port is in use, or the host none of this machine.
        """
        loop = asyncio.get_running_loop()
        application = web.Application(middlewares=[_guard(self._settings)])
        application.router.add_get("/", self._page)
        application.router.add_get("/socket", self._socket)
        application.router.add_static("/", _PAGE)
        application.on_response_prepare.append(_add_headers)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        await site.start()
        watcher = self._stack.enter_context(Watcher(threadsafe(loop, lambda: self.hub.news())))
        controls = self._stack.enter_context(Controls())
        self.hub = Hub(self._settings, watcher, controls)
        self._tasks = [asyncio.create_task(self.hub.feed()), asyncio.create_task(self.hub.report())]
        port = self._runner.addresses[0][1]
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        token = f"?token={self._settings.token}" if self._settings.token else ""
        return f"http://{host}:{port}/{token}"

    async def wait(self, ended: asyncio.Event) -> None:
        """Serve until `ended` is set; raises what a task of the server failed of."""
        ending = asyncio.create_task(ended.wait())
        await asyncio.wait({ending, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """End all pages' connections, then the nodes."""
        for task in self._tasks:
            task.cancel()
        self.hub.end()
        if self._runner is not None:
            await self._runner.cleanup()
        self._stack.close()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        response = web.FileResponse(_PAGE / "index.html")
        if token := request.query.get("token"):  # the page's own requests have it as a cookie
            response.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
        return response

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=_LONGEST_REQUEST, heartbeat=_HEARTBEAT, compress=False)
        await socket.prepare(request)
        viewer = Viewer(socket)
        self.hub.viewers.add(viewer)
        self.hub.attend()
        writer = asyncio.create_task(viewer.write())
        try:
            viewer.send("hello", json.dumps(_hello(self._settings.control)))
            await self.hub.welcome(viewer)
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await self._answer(viewer, message.json())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            await socket.close(code=1003, message=f"no request of this page: {error}".encode()[:120])
        finally:
            writer.cancel()
            self.hub.leave(viewer)
        return socket

    async def _answer(self, viewer: Viewer, request: dict[str, Any]) -> None:
        """Do what a page asks for.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: it is no request.
        """
        match request["kind"]:
            case "watch":
                viewer.watch(
                    {
                        str(camera): [layer for layer in layers if layer in LAYERS]
                        for camera, layers in request["layers"].items()
                    }
                )
                self.hub.attend()
            case "drawn":
                viewer.drawn(request["camera"])
                self.hub.news()  # it takes another
            case "set" | "record" if not self._settings.control:
                viewer.send("answer", _said("this page reads only: start it with --control"))
            case "set":
                reason = await self.hub.set_parameter(request["node"], request["name"], request["value"])
                viewer.send("answer", _said(reason))
            case "record":
                said = await self.hub.record(bool(request["on"]))
                viewer.send("answer", _said(said))
            case other:
                raise ValueError(f"unknown kind {other!r}")


def _guard(settings: ViewSettings) -> Any:
    """Middleware that refuses those who may not see the page."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        tokens = (request.query.get("token"), request.cookies.get(COOKIE))
        origin = request.headers.get("Origin")
        if reason := refusal(settings, request.host, origin, tokens):
            raise web.HTTPForbidden(text=reason)
        return await handler(request)

    return guard


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


def _said(text: str) -> str:
    return json.dumps({"kind": "answer", "text": text})


def _hello(control: bool) -> dict[str, Any]:
    """What the page draws with: the colours of our own pictures."""
    # A row: what has one dimension, OpenCV 4 takes for a column.
    shades = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[None], cv2.COLORMAP_INFERNO)
    return {
        "kind": "hello",
        "control": control,
        "palette": [class_colour(class_id) for class_id in range(256)],
        "shades": shades[0, :, ::-1].tolist(),
        "layers": {"boxes": BOXES, "maps": MAPS, "scores": SCORES},
    }
