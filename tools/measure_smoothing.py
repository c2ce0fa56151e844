#!/usr/bin/env python3
"""What smoothing does to masks: `measure_smoothing.py --folder sequences`.

Flicker (label changes a second and pixel where robot and people stand, and only the camera's noise changes)
and mIoU of the label's groups on drives, both in simulated worlds, for several weights. Needs the extra sim.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sequences import PERIOD, Sequence, drive_sequence
from vit_perception.data.label_space import DEFAULT_SPACE, read_label_space
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.camera_turn import turned
from vit_perception.runtime.picture_shift import PictureShift
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.results import UNLABELLED, Perception
from vit_perception.runtime.smoothing import Smoother
from vit_perception.tasks import SEGMENTATION

STILL = ((300, "office"), (301, "warehouse"), (302, "rooms"), (303, "yard"))
DRIVES = ((304, "office"), (306, "rooms"), (307, "yard"), (309, "warehouse"))
FRAMES, STILL_FRAMES = 120, 20
WEIGHTS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)


def motions(sequence: Sequence, kind: str) -> Iterator[np.ndarray | None]:
    """The motion to each frame, as `odometry`, `phase` or `none` knows it."""
    k, size = sequence.intrinsics, (sequence.rgb.shape[1], sequence.rgb.shape[2])
    camera = CameraModel(k[0, 0], k[1, 1], k[0, 2], k[1, 2], size)
    shift, yaws = PictureShift(), np.append(sequence.yaws[:1], sequence.yaws)
    for frame, rgb in enumerate(sequence.rgb):
        if kind == "odometry":
            yield turned(camera, yaws[frame + 1] - yaws[frame])
        else:
            yield shift.update(rgb) if kind == "phase" else None


def smoothed(
    sequence: Sequence, answers: list[Perception], weight: float, kind: str, took: list[float]
) -> np.ndarray:
    """(T, H, W) masks."""
    smoother, masks = Smoother(), []
    for answer, seconds, motion in zip(answers, sequence.seconds, motions(sequence, kind), strict=True):
        begin = time.perf_counter()
        found = smoother.update(answer, float(seconds), weight, motion) if weight else answer
        took.append(1e3 * (time.perf_counter() - begin))
        assert found.segmentation is not None  # it was asked for
        masks.append(found.segmentation.mask)
    return np.array(masks)


def counted(groups: np.ndarray, true_groups: np.ndarray, masks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(G, 3) pixels of each group that are in both, in the mask, and in the truth."""
    known = (truth != UNLABELLED) & (masks != UNLABELLED)
    mine, true = groups[masks[known]], true_groups[truth[known]]
    count = int(max(groups.max(), true_groups.max())) + 1
    both = np.bincount(true[mine == true], minlength=count)
    return np.stack([both, np.bincount(mine, minlength=count), np.bincount(true, minlength=count)], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="keeps the sequences")
    arguments = parser.parse_args()
    predictor = Predictor(tasks=[SEGMENTATION])
    space, card = read_label_space(DEFAULT_SPACE), predictor.card
    names = sorted({*card.coarse, *(label.coarse for label in space.labels)})
    groups = np.array([names.index(name) for name in card.coarse])
    true_groups = np.array([names.index(label.coarse) for label in space.labels])
    still = [drive_sequence(arguments.folder, seed, kind, STILL_FRAMES, still=True) for seed, kind in STILL]
    drives = [drive_sequence(arguments.folder, seed, kind, FRAMES) for seed, kind in DRIVES]
    answers = [[predictor(rgb, "rgb") for rgb in sequence.rgb] for sequence in (*still, *drives)]
    print("| weight | motion | changes a second | mIoU | ms |\n|---|---|---|---|---|")
    for weight in WEIGHTS:
        took: list[float] = []
        changes = [
            float((np.diff(smoothed(sequence, own, weight, "none", []).astype(int), axis=0) != 0).mean())
            for sequence, own in zip(still, answers, strict=False)
        ]
        for kind in ("none", "phase", "odometry") if weight else ("none",):
            tables = [
                counted(groups, true_groups, smoothed(sequence, own, weight, kind, took), sequence.semantic)
                for sequence, own in zip(drives, answers[len(still) :], strict=True)
            ]
            table = np.sum(tables, axis=0)
            there = table[:, 2] > 0
            iou = table[there, 0] / (table[there, 1] + table[there, 2] - table[there, 0])
            numbers = f"{statistics.mean(changes) / PERIOD:.3f} | {100 * iou.mean():.2f}"
            print(f"| {weight} | {kind} | {numbers} | {statistics.median(took):.2f} |", flush=True)


if __name__ == "__main__":
    main()
