"""scikit-image's photographs, replayed to live nodes and drawn onto one contact sheet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2

from vit_perception.replay.disk import names_a_full_disk
from vit_perception.replay.results import read_results
from vit_perception.replay.run import RESULTS, Options, Run, replay
from vit_perception.replay.sources import SourceError
from vit_perception.replay.sources.photos import PhotoSource
from vit_perception.runtime.whole_file import write_image
from vit_perception.viz.overview import Captions, draw_sheet
from vit_perception.viz.photographs import photograph_paths

OVERVIEW = "overview.png"


def photographs() -> PhotoSource:
    """The demo's pictures as a source of frames.

    Raises:
        SourceError: scikit-image is not installed, or has no pictures.
    """
    try:
        paths = photograph_paths()
    except FileNotFoundError as error:
        raise SourceError(str(error)) from None
    return PhotoSource(list(paths.values()), list(paths), f"{len(paths)} photographs of scikit-image")


def run_demo(folder: Path, options: Options, check: Callable[[], None]) -> Run:
    """Replay the photographs, then draw `overview.png` from the recorded results."""
    run = replay(photographs(), folder, options, check)
    sheet = draw_sheet(list(read_results(folder / RESULTS)), _captions(run))
    with names_a_full_disk(folder / OVERVIEW):
        write_image(folder / OVERVIEW, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    return run


def _captions(run: Run) -> Captions:
    summary = run.summary
    made_with = [f"{summary['model']}, {summary['engine']}, {summary['precision']}"]
    medians = [topic["latency_ms"]["p50"] for topic in summary["topics"].values()]
    if known := [median for median in medians if median is not None]:
        made_with.append(f"all answers {max(known):.0f} ms after the photograph, over DDS")
    return Captions(
        title="vit_perception",
        subtitle="One Vision Transformer looks at each photograph once: all answers come from that one look.",
        made_with=made_with,
        names=run.names,
    )
