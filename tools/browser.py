"""A headless Chromium, driven by its own protocol over a WebSocket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
DEADLINE = 300.0


def chromium() -> str | None:
    """Path of a browser; None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One page.

    Attributes:
        errors: what its scripts threw, and what it could not load.
    """

    def __init__(self, socket: Any) -> None:
        self.errors: list[str] = []
        self._socket = socket
        self._numbers = count(1)

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await asyncio.wait_for(self._socket.receive_json(), DEADLINE)
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(str(message["params"]["exceptionDetails"]))
            elif message.get("method") == "Network.loadingFailed":
                self.errors.append(str(message["params"]))
            elif message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    async def evaluate(self, script: str) -> Any:
        """Value of an expression in the page, also one to wait for."""
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def wait_for(self, script: str) -> Any:
        """The value of an expression once it is true."""
        for _ in range(int(DEADLINE / 0.1)):
            if value := await self.evaluate(script):
                return value
            await asyncio.sleep(0.1)
        raise AssertionError(f"never true: {script}")

    async def screenshot(self, path: Path, **clip: float) -> None:
        """Save what is seen as a JPEG."""
        shot = await self.call("Page.captureScreenshot", format="jpeg", quality=82, **clip)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextlib.asynccontextmanager
async def open_tab(address: str, profile: Path, size: tuple[int, int] = (1280, 800)) -> AsyncIterator[Tab]:
    """A browser with one page, ended with the context.

    Args:
        address: of the page.
        profile: an empty folder.
        size: of the window, (width, height) in pixels.
    """
    path = chromium()
    assert path
    arguments = [
        *("--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
        *("--remote-debugging-port=0", f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"),
        *(["--no-sandbox", "--disable-dev-shm-usage"] if os.geteuid() == 0 else []),
        "about:blank",
    ]
    process = subprocess.Popen([path, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port_file = profile / "DevToolsActivePort"
        for _ in range(int(DEADLINE / 0.1)):
            if port_file.exists() and len(port_file.read_text().split()) == 2:
                break
            assert process.poll() is None, f"{path} ended with exit code {process.poll()}"
            await asyncio.sleep(0.1)
        port = port_file.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
                (page,) = [each for each in await response.json() if each["type"] == "page"]
            url = page["webSocketDebuggerUrl"]
            async with session.ws_connect(url, max_msg_size=0, origin=f"http://127.0.0.1:{port}") as socket:
                tab = Tab(socket)
                for domain in ("Runtime", "Network", "Page"):
                    await tab.call(f"{domain}.enable")
                await tab.call("Page.navigate", url=address)
                await tab.wait_for('location.href !== "about:blank" && document.readyState === "complete"')
                yield tab
    finally:
        process.kill()
        process.wait()
