"""`vit-perception quantize`: the int8 graph of a model, and what it costs in accuracy."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vit_perception.runtime.adopt import obtain_model, to_stderr
from vit_perception.runtime.card import load_card, write_card
from vit_perception.runtime.mask_agreement import overlaps
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.results import Detection
from vit_perception.training.calibration import calibration_frames, labelled
from vit_perception.training.classes import LABELS
from vit_perception.training.quantize import quantize

if TYPE_CHECKING:
    from vit_perception.training.coco import Photograph


# What counts as the same box, in intersection over union, and as the same depth.
_SAME_BOX, _NEAR_DEPTH = 0.5, 0.05


def run_quantize(options: argparse.Namespace) -> int:
    """Quantise into the model's own folder, or a copy of it, and say on its card what was measured."""
    folder = obtain_model(options.model, to_stderr)
    frames = calibration_frames(options.data, options.frames)
    if options.output is not None:
        folder = Path(shutil.copytree(folder, options.output, dirs_exist_ok=True))
    card = quantize(load_card(folder), frames, options.keep)
    write_card(card)
    measured = _measure(folder, options.data, frames)
    write_card(dataclasses.replace(card, metrics={**card.metrics, "int8": measured}))
    for name, value in measured.items():
        print(f"{name:28}{value}")
    print(f"Written to {folder}: precision auto takes it where the processor has int8 products")
    return 0


def _measure(folder: Path, data: Path, frames: list[np.ndarray]) -> dict[str, Any]:
    """int8 against fp32: metrics in percent where the folder has labels in the model's classes, else how
    alike the answers are."""
    if not labelled(data) or load_card(folder).labels != LABELS:
        return _agreement(*_both(folder), frames)
    from vit_perception.training.coco import load_photographs

    return compare(folder, load_photographs(data))


def _both(folder: Path) -> tuple[Predictor, Predictor]:
    """The model in fp32 and in int8."""
    exact, fast = (Predictor(folder, "openvino", "cpu", precision=name) for name in ("fp32", "int8"))
    return exact, fast


def compare(folder: Path, photographs: list[Photograph]) -> dict[str, Any]:
    """Metrics of `metrics.evaluate` over all classes, as `<name>_fp32` and `<name>_int8`."""
    from vit_perception.training.evaluate import judge

    exact, fast = _both(folder)
    before, after = judge(exact, photographs), judge(fast, photographs)
    measured: dict[str, Any] = {"photographs": len(photographs)}
    for name, value in before.items():
        if "/" not in name:
            measured |= {f"{name}_fp32": value, f"{name}_int8": after[name]}
    return measured


def _agreement(exact: Predictor, fast: Predictor, frames: list[np.ndarray]) -> dict[str, Any]:
    """Share of the mask's pixels, of the best classes and of the boxes that stay what they were, and of depth
    that stays to a twentieth; in percent."""
    found: dict[str, list[float]] = {}

    def note(name: str, share: float) -> None:
        found.setdefault(f"{name}_agreement", []).append(share)

    for frame in frames:
        one, other = exact(frame, "rgb"), fast(frame, "rgb")
        if one.segmentation and other.segmentation:
            note("mask", float(np.mean(one.segmentation.mask == other.segmentation.mask)))
        if one.classification and other.classification:
            note("best_class", float(one.classification.class_ids[0] == other.classification.class_ids[0]))
        if one.detection and other.detection and len(one.detection.boxes):
            note("box", _kept(one.detection, other.detection))
        if one.depth and other.depth:
            apart = np.abs(other.depth.depth - one.depth.depth)
            note("depth", float(np.mean(apart <= _NEAR_DEPTH * np.abs(one.depth.depth))))
    shares = {name: round(100 * float(np.mean(values)), 2) for name, values in found.items()}
    return {"frames": len(frames), **shares}


def _kept(one: Detection, other: Detection) -> float:
    """Share of the boxes of `one` that `other` has too, of the same class."""
    if not len(other.boxes):
        return 0.0
    alike = overlaps(one.boxes, other.boxes) >= _SAME_BOX
    alike &= one.class_ids[:, None] == other.class_ids[None]
    return float(alike.any(axis=1).mean())
