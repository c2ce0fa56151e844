#!/usr/bin/env python3
"""What the page costs the suite: ages of results with no viewer, with one that looks, with one that stalls.

The three take turns on one live suite, so that they meet the same machine. Prints a table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import numpy as np

from vit_perception.bench import usage
from vit_perception.bench.live import graph, task_topics
from vit_perception.cards.locate import DEFAULT_MODEL
from vit_perception.replay.processes import Processes, node_command

TASKS = ("detection", "segmentation", "navigation", "attention")
LAYERS = ["detections", "segmentation/mask", "attention/heatmap", "navigation/action"]
VIEWERS = ("nobody", "looks", "stalls")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--hz", type=float, default=15.0, help="of the camera")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    suite = node_command("suite", {"model": json.dumps(options.model), "tasks": json.dumps(TASKS)})
    topics = {"/image": task_topics(TASKS)}
    ages: defaultdict[str, list[np.ndarray]] = defaultdict(list)
    cpu: defaultdict[str, list[float]] = defaultdict(list)
    dropped: defaultdict[str, int] = defaultdict(int)
    view = ["-m", "vit_perception.cli", "view", "--port", "0"]
    with (
        tempfile.TemporaryDirectory() as folder,
        graph({"suite": suite}, topics, options.hz, {}) as live,
        Processes({"view": view}, {}, Path(folder)) as pages,
    ):
        page = pages.running[0]
        while not (found := re.search(r"Open (http://\S+)", page.log.read_text())):
            pages.check()
            time.sleep(0.1)
        for _ in range(options.turns):
            for viewer in VIEWERS:
                with viewing(viewer, found[1]):
                    live.wait_for_results()
                    before, start = usage.cpu_seconds(page.process.pid), time.monotonic()
                    measured = live.measure(options.seconds)
                    used = usage.cpu_seconds(page.process.pid) - before
                cpu[viewer].append(used / (time.monotonic() - start))
                ages[viewer].extend(measured.ages.values())
                dropped[viewer] += measured.dropped
    print("| viewer | results | age p50 | age p99 | frames dropped | CPU of the page's process |")
    print("|---|---|---|---|---|---|")
    for viewer in VIEWERS:
        every = np.concatenate(ages[viewer])
        p50, p99 = np.percentile(every, (50, 99))
        print(
            f"| {viewer} | {len(every)} | {p50:.1f} ms | {p99:.1f} ms | {dropped[viewer]} "
            f"| {100 * np.mean(cpu[viewer]):.0f} % of a core |"
        )


@contextmanager
def viewing(viewer: str, address: str) -> Iterator[None]:
    """A page that looks or stalls while the context is entered."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    page = asyncio.run_coroutine_threadsafe(_view(viewer, address), loop)
    try:
        yield
        if page.done():
            page.result()  # it should not have ended
    finally:
        page.cancel()
        time.sleep(0.5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _view(viewer: str, address: str) -> None:
    if viewer == "nobody":
        return
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address}socket", max_msg_size=0) as socket,
    ):
        await socket.send_json({"kind": "watch", "layers": {"": LAYERS}})
        if viewer == "stalls":
            await asyncio.Event().wait()
        async for message in socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                await socket.send_json({"kind": "drawn", "camera": ""})


if __name__ == "__main__":
    main()
