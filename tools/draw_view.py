#!/usr/bin/env python3
"""Draws docs/view.jpg: the page of `vit-perception view`, in a headless browser, while a bag is replayed.

The bag is of a simulated robot with a depth camera (`vit-perception sim bag`), and the model the default one:
the page has boxes with their distances, tracks, masks, points and depth.

    python tools/draw_view.py docs/view.jpg    # needs the extras sim and view, and Chromium
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
import time
from pathlib import Path

from browser import open_tab

HZ = 3.0
SIZE = (1240, 1010)
# For curves that show something.
SECONDS = 8.0
# What is off at first.
LAYERS = ("detections_3d", "segmentation/points", "depth_image")
TICK = "document.querySelector('[data-layer=\"{}\"]').click()"
FADE = "Page.opacity.depth_image = 0.35"
OFFERED = "document.querySelectorAll('[data-layer]').length > 8"
# The scene has all of it, and at least so many boxes with a distance. It then stays.
WHOLE = """(() => {{
  const header = Object.values(Page.scenes)[0]?.header;
  const whole = header && header.metres.length >= {boxes} && header.points && header.boxes.tracks?.length
    && "depth_image" in header.maps && "segmentation/mask" in header.maps;
  if (whole && {stays}) Page.draw = () => {{}};
  return whole;
}})()"""


def main() -> None:
    from vit_perception.replay.processes import Processes, free_domain, isolated_environment
    from vit_perception.sim.driving.bag import Drive, record_bag

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=1, help="of the world (1)")
    parser.add_argument("--kind", default="office", help="of the world (office)")
    parser.add_argument("--seconds", type=float, default=12.0, help="of the drive (12)")
    parser.add_argument("--boxes", type=int, default=2, help="with a distance, for which it waits (2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        record_bag(
            Drive(options.seed, options.seconds, options.kind, "people", (480, 640)), folder / "bag", str
        )
        domain = free_domain()
        command = ["-m", "vit_perception.cli"]
        replay = [*command, "replay", str(folder / "bag"), "--output", str(folder / "out"), "--no-overlays"]
        commands = {
            "view": [*command, "view", "--port", "0", "--control"],
            "replay": [*replay, "--rate", str(HZ), "--domain-id", str(domain)],
        }
        with Processes(commands, isolated_environment(domain), folder) as processes:
            view = processes.running[0]
            while not (found := re.search(r"Open (http://\S+)", view.log.read_text())):
                processes.check()
                time.sleep(0.1)
            asyncio.run(_shoot(found[1], folder / "profile", options.output, options.boxes))


async def _shoot(address: str, profile: Path, output: Path, boxes: int) -> None:
    profile.mkdir()
    async with open_tab(address, profile, SIZE) as tab:
        await tab.wait_for(OFFERED)
        await tab.evaluate(FADE)
        for layer in LAYERS:
            await tab.wait_for(f"document.querySelector('[data-layer=\"{layer}\"]') !== null")
            await tab.evaluate(TICK.format(layer))
        await tab.wait_for(WHOLE.format(boxes=1, stays="false"))
        await asyncio.sleep(SECONDS)
        await tab.wait_for(WHOLE.format(boxes=boxes, stays="true"))
        assert not tab.errors, tab.errors
        await tab.screenshot(output)


if __name__ == "__main__":
    main()
