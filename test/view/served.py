"""`vit-perception view` in a process of its own, and a client of its WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import numpy as np

# Ends a test that has failed; those that succeed return at once.
DEADLINE = 180.0


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """The address that the command prints; it ends as by Ctrl-C, with nothing on stderr."""
    command = [sys.executable, "-m", "vit_perception.cli", "view", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        line = process.stdout.readline()
        found = re.match(r"Open (http://\S+)", line)
        assert found, process.communicate()
        yield found[1]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")


def unpack(bundle: bytes) -> tuple[dict[str, Any], bytes, dict[str, np.ndarray]]:
    """Header, JPEG and maps by layer, by the rules in `bundle.py`'s docstring."""
    (length,) = struct.unpack("<I", bundle[:4])
    header = json.loads(bundle[4 : 4 + length])
    parts, offset = [], 4 + length
    for size in header["parts"]:
        parts.append(bundle[offset : offset + size])
        offset += size
    assert offset == len(bundle)
    maps = {
        layer: np.frombuffer(zlib.decompress(part), np.uint8).reshape(rule["height"], rule["width"])
        for (layer, rule), part in zip(header["maps"].items(), parts[1:], strict=True)
    }
    return header, parts[0], maps


class Client:
    """A page without a browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, **request: Any) -> None:
        await self.socket.send_json(request)

    async def text(self, accept: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The next text message that is accepted; pictures are confirmed and left out."""

        async def read() -> dict[str, Any]:
            while True:
                message = await self._receive()
                if message.type == aiohttp.WSMsgType.TEXT and accept(content := json.loads(message.data)):
                    return content

        return await asyncio.wait_for(read(), DEADLINE)

    async def picture(self, accept: Callable[[dict[str, Any]], object]) -> bytes:
        """The next picture that is accepted; all are confirmed."""

        async def read() -> bytes:
            while True:
                message = await self._receive()
                if message.type == aiohttp.WSMsgType.BINARY and accept(unpack(message.data)[0]):
                    return message.data

        return await asyncio.wait_for(read(), DEADLINE)

    async def read_without_drawing(self, pictures: list[bytes]) -> None:
        """Read, and keep the pictures without confirming them, until cancelled."""
        async for message in self.socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                pictures.append(message.data)

    async def _receive(self) -> aiohttp.WSMessage:
        message = await self.socket.receive()
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        if message.type == aiohttp.WSMsgType.BINARY:
            await self.say(kind="drawn", camera=unpack(message.data)[0]["camera"])
        return message


@contextlib.asynccontextmanager
async def connected(address: str, **options: Any) -> AsyncIterator[Client]:
    """A client of the page at this address, with its token."""
    base, _, token = address.partition("?")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{base}socket{'?' if token else ''}{token}", max_msg_size=0, **options) as socket,
    ):
        yield Client(socket)
