"""Trackers of other libraries with the interface of ours, as far as they are installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vit_perception.runtime.results import Detection

# (detection, seconds, frame (H, W, 3) uint8 BGR) → (N,) int64, the id of each box, 0 for none.
Update = Callable[[Detection, float, np.ndarray], np.ndarray]

# What all take as a high score.
HIGH = 0.3


def rivals(rate: float) -> Iterator[tuple[str, Callable[[], Update]]]:
    """Name, and what makes a new one, of each library that is installed. `rate` is frames a second."""
    if importlib.util.find_spec("trackers"):
        import trackers

        memory = {"lost_track_buffer": 60, "frame_rate": rate, "high_conf_det_threshold": HIGH}
        starts = {"track_activation_threshold": HIGH}
        yield "trackers SORT", lambda: _supervised(trackers.SORTTracker(60, rate, HIGH))
        yield "trackers ByteTrack", lambda: _supervised(trackers.ByteTrackTracker(**memory, **starts))
        yield "trackers C-BIoU", lambda: _supervised(trackers.CBIoUTracker(**memory, **starts))
        yield "trackers OC-SORT", lambda: _supervised(trackers.OCSORTTracker(**memory))
        yield "trackers BoT-SORT", lambda: _supervised(trackers.BoTSORTTracker(**memory, **starts), True)
    if importlib.util.find_spec("cjm_byte_track"):
        from cjm_byte_track.core import BYTETracker

        yield "cjm-byte-track", lambda: _byte(BYTETracker(HIGH, round(2 * rate), 0.8, rate))
    if importlib.util.find_spec("motpy"):
        import motpy

        yield "motpy", lambda: _motpy(motpy, rate)
    if importlib.util.find_spec("similari"):
        import similari

        yield "similari", lambda: _similari(similari, rate)


def _supervised(tracker: Any, looks: bool = False) -> Update:
    import supervision

    def update(found: Detection, seconds: float, frame: np.ndarray) -> np.ndarray:
        detections = supervision.Detections(found.boxes, confidence=found.scores, class_id=found.class_ids)
        detections.data["place"] = np.arange(len(found.boxes))
        answer = tracker.update(detections, timestamp=seconds, **({"frame": frame} if looks else {}))
        ids = np.zeros(len(found.boxes), np.int64)
        if len(answer):
            ids[answer.data["place"]] = np.asarray(answer.tracker_id) + 1
        return ids

    return update


def _byte(tracker: Any) -> Update:
    def update(found: Detection, seconds: float, frame: np.ndarray) -> np.ndarray:
        rows = np.column_stack([found.boxes, found.scores]).astype(float)
        size = frame.shape[:2]
        return _by_overlap(found, [(t.tlbr, t.track_id) for t in tracker.update(rows, size, size)])

    return update


def _motpy(motpy: Any, rate: float) -> Update:
    tracker = motpy.MultiObjectTracker(1 / rate, tracker_kwargs={"max_staleness": 2 * rate})
    numbers: dict[str, int] = {}

    def update(found: Detection, seconds: float, frame: np.ndarray) -> np.ndarray:
        tracker.step(
            [motpy.Detection(box, score) for box, score in zip(found.boxes, found.scores, strict=True)]
        )
        tracks = tracker.active_tracks(max_staleness_to_positive_ratio=3.0, max_staleness=0.5)
        return _by_overlap(
            found, [(track.box, numbers.setdefault(track.id, len(numbers) + 1)) for track in tracks]
        )

    return update


def _similari(similari: Any, rate: float) -> Update:
    tracker = similari.Sort(
        shards=1,
        bbox_history=10,
        max_idle_epochs=round(2 * rate),
        method=similari.PositionalMetricType.iou(0.1),
    )

    def update(found: Detection, seconds: float, frame: np.ndarray) -> np.ndarray:
        boxes = [
            (similari.BoundingBox.new_with_confidence(*box, score).as_xyaah(), place)
            for place, (box, score) in enumerate(
                zip(
                    np.hstack([found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]]).tolist(),
                    found.scores.tolist(),
                    strict=True,
                )
            )
        ]
        ids = np.zeros(len(found.boxes), np.int64)
        for track in tracker.predict(boxes):
            if track.length > 1:
                ids[track.custom_object_id] = 1 + track.id % 2**40
        return ids

    return update


def _by_overlap(found: Detection, tracks: list[tuple[Any, int]]) -> np.ndarray:
    """Ids of the boxes that tracks lie on best: these libraries do not say which box they took."""
    from vit_perception.runtime.overlap import overlaps

    ids = np.zeros(len(found.boxes), np.int64)
    if tracks and len(ids):
        alike = overlaps(np.array([np.asarray(box, float) for box, _ in tracks]), found.boxes)
        for row in np.argsort(alike.max(axis=1)):
            place = int(alike[row].argmax())
            if alike[row, place] > 0.3:
                ids[place] = tracks[row][1]
    return ids
