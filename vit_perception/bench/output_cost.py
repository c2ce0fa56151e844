"""What the outputs that are off until somebody wants them add to a frame, each alone."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vit_perception.bench import usage
from vit_perception.bench.live import Graph, graph, task_topics
from vit_perception.bench.settings import CAMERA, CAMERA_HZ, Bench
from vit_perception.replay.processes import node_command
from vit_perception.tasks import DETECTION, SEGMENTATION

NODE = "/perception"
_ROUNDS = 5
# Until the node has seen who subscribes, and a report is about nothing before.
_SETTLED = 2.2


@dataclass(frozen=True)
class Variant:
    """A suite with one more output.

    Attributes:
        topics: with one more subscriber each.
        parameters: that differ from the usual.
        beside: name of the variant that it is compared with; empty: without any of them.
    """

    topics: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    beside: str = ""


# Parameters of all variants that one of them changes.
_USUAL = {"detection.threshold": 0.3, "smoothing": 0.0}
_NOTHING_FOUND = {"detection.threshold": 1.0}
# Boxes in metres of frames without a box: what is left is to receive depth, to pair and to decode it.
_NO_BOXES = "no boxes"
_VARIANTS = {
    "": Variant(),
    _NO_BOXES: Variant((), _NOTHING_FOUND),
    "tracks": Variant(("tracks",)),
    "smoothing": Variant((), {"smoothing": 0.5}),
    "depth pairing": Variant(("detections_3d",), _NOTHING_FOUND, _NO_BOXES),
    "detections_3d": Variant(("detections_3d",)),
    "segmentation/points": Variant(("segmentation/points",)),
}


def output_cost(bench: Bench) -> dict[str, Any]:
    """Milliseconds that each output adds to a frame of 640x480 with depth, `camera_info` and odometry.

    One process for detection and segmentation, whose subscribers and parameters change again and again. The
    best of several rounds counts. `answer_ms` is the node's own time for a frame outside the engine, by which
    all answers come later, and `cpu_ms` the processor time of the process, also on other threads.
    `percent` is that of the processor time without any of these.

    Raises:
        ValueError: the model does not detect, or does not segment.
        RuntimeError: a variant was never answered.
    """
    tasks = tuple(task for task in (DETECTION, SEGMENTATION) if task in bench.tasks)
    if len(tasks) < 2:
        raise ValueError(f"model {bench.card.name} has not both detection and segmentation")
    parameters = {**bench.parameters, "tasks": json.dumps(list(tasks))}
    commands = {"perception": node_command("suite", parameters)}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in _VARIANTS}
    with graph(commands, {CAMERA: task_topics(tasks)}, CAMERA_HZ / 2, {}, beside=True) as running:
        running.wait_for_results()
        for _ in range(_ROUNDS):
            for name, variant in _VARIANTS.items():
                if measured := _measure(running, variant, max(_SETTLED, bench.brief / _ROUNDS)):
                    found[name].append(measured)
    if silent := [name or "none" for name, each in found.items() if not each]:
        raise RuntimeError(f"no answers came with {', '.join(silent)}")
    best = {name: [min(values) for values in zip(*each, strict=True)] for name, each in found.items()}
    base_answer, base_cpu = best[""]
    added = {}
    for name, variant in _VARIANTS.items():
        if name not in ("", _NO_BOXES):
            answer, cpu = (one - other for one, other in zip(best[name], best[variant.beside], strict=True))
            added[name] = {
                "answer_ms": round(answer, 2),
                "cpu_ms": round(cpu, 2),
                "percent": round(100 * cpu / base_cpu, 1),
            }
    return {
        "without": {"answer_ms": round(base_answer, 2), "cpu_ms": round(base_cpu, 2)},
        "added": added,
    }


def _measure(running: Graph, variant: Variant, seconds: float) -> tuple[float, float] | None:
    """Milliseconds a frame: outside the engine, and of the processor. None if no frame was answered."""
    listener = running.listener
    for name, value in {**_USUAL, **variant.parameters}.items():
        listener.set_parameter(NODE, name, value)
    with listener.also(variant.topics):
        time.sleep(_SETTLED)
        (process,) = (node.process.pid for node in running.nodes.running)
        listener.reset()
        before = usage.cpu_seconds(process)
        time.sleep(seconds)
        used = usage.cpu_seconds(process) - before
        frames = len(listener.ages["/detections"])
        stages = listener.stage_ms()
    running.nodes.check()
    if not frames or "total" not in stages:
        return None
    return stages["total"] - stages["inference"], 1e3 * used / frames
