"""Does `auto`, which takes the fastest precision of a machine, answer as single precision does?

Graphs are compared with torch in fp32 (comparison.py), while robots run int8, bf16 or fp16. So the answers
are compared, too, on photographs, which unlike noise have something in them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from vit_perception.cards.card import Card, load_card, write_card
from vit_perception.export.agreement import agreement
from vit_perception.runtime.engines import Builder
from vit_perception.runtime.predictor import Predictor
from vit_perception.viz.photographs import photograph_paths
from vit_perception.viz.pictures import read_picture

# Percent of each kind of answer that has to be the same: fewer are no rounding.
_LEAST = 75.0
# (height, width) that most cameras have: one size, for which an engine compiles once.
_CAMERA = (480, 640)


def compare_auto(
    folder: Path,
    frames: Sequence[np.ndarray],
    report: Callable[[str], None] = print,
    build_public: Builder | None = None,
) -> Card:
    """Compare what `auto` runs on this machine with fp32, and write on the card how much is the same.

    A precision in which too little is, or which gives values that are not finite, goes on the card as
    `inexact`, and `auto` takes the next one.

    Args:
        folder: of a model.
        frames: RGB photographs (H, W, 3) uint8.
        report: called with a line for each precision.
        build_public: as `Predictor` takes it.

    Returns:
        The card as it was written.
    """
    while True:
        card = load_card(folder)
        fast = Predictor(folder, build_public=build_public)
        engine = fast.engine
        if engine.precision == "fp32":
            return card
        exact = Predictor(folder, engine.name, engine.device, precision="fp32", build_public=build_public)
        what = f"{engine.name} {engine.precision}"
        try:
            found = agreement(exact, fast, frames)
        except ValueError as error:
            reason = str(error)
        else:
            shares = {name: value for name, value in found.items() if name != "frames"}
            listed = ", ".join(f"{name} {value:g} %" for name, value in shares.items())
            if all(value >= _LEAST for value in shares.values()):
                report(f"{what} against fp32 on {len(frames)} photographs: {listed}")
                card = dataclasses.replace(card, metrics={**card.metrics, "auto": {"runs": what, **found}})
                write_card(card)
                return card
            reason = f"{listed}, and {_LEAST:g} % are needed"
        report(f"auto does not take {what}: {reason}")
        write_card(dataclasses.replace(card, inexact=(*card.inexact, engine.precision)))


def photographs() -> list[np.ndarray]:
    """RGB photographs of a camera's size, those of scikit-image; none where it is not installed."""
    try:
        paths = photograph_paths()
    except FileNotFoundError:
        return []
    return [
        cv2.resize(read_picture(path), _CAMERA[::-1], interpolation=cv2.INTER_AREA) for path in paths.values()
    ]
