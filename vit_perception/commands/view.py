"""`vit-perception view`."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
from pathlib import Path

HELP = "serve a page that shows live cameras with their results, to any browser"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to serve on (127.0.0.1: this machine alone)"
    )
    parser.add_argument("--port", type=int, default=8070, help="port to serve on, 0 for a free one (8070)")
    parser.add_argument(
        "--control", action="store_true", help="let the page set parameters and record (else it reads only)"
    )
    parser.add_argument(
        "--rate", type=float, default=15.0, metavar="HZ", help="most pictures a second of each camera (15)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        default=Path("out/view"),
        help="gets recorded bags (out/view)",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    from vit_perception.nodes.transport import large_image_environment
    from vit_perception.view.server import Server
    from vit_perception.view.settings import ViewSettings, is_loopback

    settings = ViewSettings(
        host=options.host,
        port=options.port,
        token="" if is_loopback(options.host) else secrets.token_urlsafe(24),
        control=options.control,
        output=options.output,
        rate=options.rate,
    )
    os.environ.update(large_image_environment())

    async def serve() -> None:
        ended, server = asyncio.Event(), Server(settings)
        for kind in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(kind, ended.set)
        print(f"Open {await server.start()}", flush=True)
        try:
            await server.wait(ended)
        finally:
            await server.stop()

    asyncio.run(serve())
    return 0
