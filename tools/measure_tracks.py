#!/usr/bin/env python3
"""How well ids stay with objects: `measure_tracks.py --folder sequences`, by TrackEval's HOTA and IDF1.

On drives of the simulator, whose true boxes have identities: with these boxes made worse by a seed, and with
what the default model finds. Needs the extra sim and trackeval; other libraries that are installed are
measured too.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rival_trackers import HIGH, Update, rivals
from sequences import PERIOD, Sequence, drive_sequence
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.camera_turn import turned
from vit_perception.runtime.overlap import overlaps
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Detection
from vit_perception.runtime.tracking.tracker import Tracker
from vit_perception.tasks import DETECTION

# None of these chose anything.
KINDS = ("office", "warehouse", "rooms", "yard")
WORLDS = tuple((seed, KINDS[seed % 4]) for seed in range(304, 312))
FRAMES = 120
# Trackers of others that are also given steady boxes.
STEADIED = ("trackers SORT", "trackers ByteTrack", "similari")
# Boxes are told from this score on.
FAINT = 0.1


@dataclass(frozen=True)
class Harm:
    """How true boxes become detections.

    Attributes:
        missed: share of the boxes that are not found.
        jitter: standard deviation of each side, in sizes of the box.
        invented: boxes a frame where nothing is.
    """

    missed: float
    jitter: float
    invented: float


HARMS = {"good": Harm(0.05, 0.02, 0.1), "fair": Harm(0.2, 0.05, 0.5), "poor": Harm(0.4, 0.08, 1.0)}


def harmed(harm: Harm, sequence: Sequence, seed: int) -> list[Detection]:
    """The true boxes of each frame made worse, with scores from FAINT up; the same for the same seed."""
    rng = np.random.default_rng(seed)
    height, width = sequence.rgb.shape[1:3]
    found = []
    for frame in range(len(sequence.rgb)):
        here = sequence.frames == frame
        here[here] = rng.random(here.sum()) >= harm.missed
        boxes, class_ids = sequence.boxes[here], sequence.class_ids[here]
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        boxes = boxes + harm.jitter * sides * rng.normal(size=boxes.shape)
        scores = np.clip(rng.normal(0.55, 0.2, len(boxes)), FAINT, 1)
        count = rng.poisson(harm.invented)
        size = rng.uniform(0.05, 0.4, (count, 2)) * (width, height)
        corner = rng.uniform(0, 1, (count, 2)) * ((width, height) - size)
        boxes = np.vstack([boxes, np.hstack([corner, corner + size])])
        class_ids = np.append(class_ids, rng.choice(np.append(sequence.class_ids, 0), count))
        scores = np.append(scores, rng.uniform(FAINT, 0.5, count))
        found.append(Detection(boxes.astype(np.float32), class_ids, scores.astype(np.float32)))
    return found


def seen(predictor: Predictor, sequence: Sequence, seed: int) -> list[Detection]:
    """What a model finds in each frame."""
    request = Request(thresholds={DETECTION: FAINT})
    answers = [predictor(rgb, "rgb", request).detection for rgb in sequence.rgb]
    return [answer for answer in answers if answer is not None]


def ours(odometry: bool, sequence: Sequence) -> Update:
    """Our tracker, with or without the camera's turn."""
    tracker = Tracker()
    k = sequence.intrinsics
    size = (sequence.rgb.shape[1], sequence.rgb.shape[2])
    camera = CameraModel(k[0, 0], k[1, 1], k[0, 2], k[1, 2], size)
    last: list[float] = []

    def update(found: Detection, seconds: float, frame: np.ndarray) -> np.ndarray:
        yaw = float(np.interp(seconds, sequence.seconds, sequence.yaws))
        motion = turned(camera, yaw - last[-1]) if odometry and last else None
        last.append(yaw)
        return tracker.update(found, seconds, HIGH, motion)

    return update


def steadied(sequence: Sequence, update: Update) -> Update:
    """A tracker that knows no odometry, given boxes as if the camera had not turned."""

    def steady(found: Detection, seconds: float, frame: np.ndarray) -> np.ndarray:
        turn = float(np.interp(seconds, sequence.seconds, np.unwrap(sequence.yaws)))
        boxes = found.boxes - np.array([sequence.intrinsics[0, 0] * turn, 0] * 2, np.float32)
        return update(Detection(boxes, found.class_ids, found.scores), seconds, frame)

    return steady


def theirs(make: Callable[[], Update], steady: bool, sequence: Sequence) -> Update:
    """A new tracker of another library."""
    return steadied(sequence, make()) if steady else make()


def evaluated(sequence: Sequence, frames: list[int], tracked: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """One sequence as TrackEval's metrics take it: ids are places in a list, boxes are their overlaps."""
    true_ids = np.unique(sequence.ids[np.isin(sequence.frames, frames)])
    given = np.unique(np.concatenate([ids for ids, _ in tracked])) if tracked else np.zeros(0)
    data: dict = {"gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    for frame, (ids, boxes) in zip(frames, tracked, strict=True):
        here = sequence.frames == frame
        data["gt_ids"].append(np.searchsorted(true_ids, sequence.ids[here]))
        data["tracker_ids"].append(np.searchsorted(given, ids))
        data["similarity_scores"].append(overlaps(sequence.boxes[here], boxes.astype(float)))
    for name, ids, every in (("gt", data["gt_ids"], true_ids), ("tracker", data["tracker_ids"], given)):
        data[f"num_{name}_ids"], data[f"num_{name}_dets"] = len(every), sum(map(len, ids))
    return data


def scores(
    sequences: list[Sequence],
    detections: list[list[Detection]],
    every: int,
    make: Callable[[Sequence], Update],
) -> tuple[float, float, float]:
    """HOTA, AssA and IDF1 in percent over all sequences."""
    from trackeval.metrics import HOTA, Identity

    results: dict = {}
    hota, identity = HOTA(), Identity({"PRINT_CONFIG": False})
    for number, (sequence, found) in enumerate(zip(sequences, detections, strict=True)):
        update, tracked = make(sequence), []
        frames = list(range(0, len(sequence.rgb), every))
        for frame in frames:
            ids = update(found[frame], float(sequence.seconds[frame]), sequence.rgb[frame, ..., ::-1])
            tracked.append((ids[ids > 0], found[frame].boxes[ids > 0]))
        data = evaluated(sequence, frames, tracked)
        results[number] = (hota.eval_sequence(data), identity.eval_sequence(data))
    of_hota = hota.combine_sequences({number: each[0] for number, each in results.items()})
    of_ids = identity.combine_sequences({number: each[1] for number, each in results.items()})
    found_of = of_hota["HOTA"], of_hota["AssA"], of_ids["IDF1"]
    hotas, associations, idf1 = (100 * float(np.asarray(values).mean()) for values in found_of)
    return hotas, associations, idf1


def milliseconds(sequence: Sequence, make: Callable[[Sequence], Update]) -> float:
    """Median for a frame with twenty objects that move."""
    rng = np.random.default_rng(0)
    frame, update, took = np.zeros((480, 640, 3), np.uint8), make(sequence), []
    centres, sizes, speeds = (
        rng.uniform(50, 450, (20, 2)),
        rng.uniform(20, 80, (20, 2)),
        rng.normal(0, 20, (20, 2)),
    )
    for number in range(300):
        places = centres + 0.1 * (number % 60) * speeds + rng.normal(0, 1, (20, 2))
        boxes = np.hstack([places - sizes / 2, places + sizes / 2]).astype(np.float32)
        found = Detection(boxes, np.zeros(20, np.int64), rng.uniform(0.2, 0.9, 20).astype(np.float32))
        begin = time.perf_counter()
        update(found, PERIOD * number, frame)
        took.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(took)


def trackers(every: int) -> Iterator[tuple[str, Callable[[Sequence], Update]]]:
    yield "ours, odometry", partial(ours, True)
    yield "ours, without", partial(ours, False)
    for name, make in rivals(1 / (PERIOD * every)):
        yield name, partial(theirs, make, False)
        if name in STEADIED:
            yield f"{name}, odometry", partial(theirs, make, True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="keeps the sequences")
    arguments = parser.parse_args()
    sequences = [drive_sequence(arguments.folder, seed, kind, FRAMES) for seed, kind in WORLDS]
    print("| tracker | ms for 20 objects |\n|---|---|")
    for name, make in trackers(1):
        print(f"| {name} | {milliseconds(sequences[0], make):.2f} |", flush=True)
    print("| detections | frames a second | tracker | HOTA | AssA | IDF1 |\n|---|---|---|---|---|---|")
    found_by = {kind: partial(harmed, harm) for kind, harm in HARMS.items()}
    if importlib.util.find_spec("openvino"):
        found_by["robot_vit_s14"] = partial(seen, Predictor(tasks=[DETECTION]))
    for kind, find in found_by.items():
        found = [find(sequence, seed) for seed, sequence in enumerate(sequences)]
        for every in (1, 2):
            for name, make in trackers(every):
                numbers = " | ".join(f"{value:.1f}" for value in scores(sequences, found, every, make))
                print(f"| {kind} | {1 / PERIOD / every:.0f} | {name} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
