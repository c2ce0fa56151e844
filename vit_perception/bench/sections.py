"""The parts of the benchmark, each a few lines of JSON about one question."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.bench import machine
from vit_perception.bench.live import Graph, Measured, graph, task_topics
from vit_perception.cards.card import Card, load_card
from vit_perception.cards.raw_outputs import CONTENT
from vit_perception.export.calibration import median_ms
from vit_perception.hub.build import build_public
from vit_perception.replay.processes import node_command, plan
from vit_perception.runtime.engines import EngineUnavailable
from vit_perception.runtime.engines.openvino import CACHE_VARIABLE
from vit_perception.runtime.engines.select import PRECISIONS, make_engine
from vit_perception.runtime.prompts import encode_prompts
from vit_perception.tasks import TASKS

CAMERA = "/image"
CAMERA_HZ, OVERLOAD_HZ = 30.0, 120.0
# More than two cores can answer, and little more work to receive.
SATURATING_HZ = 60.0
CAMERAS = 4
# Seconds until every pool and buffer has the size that it keeps.
_FILLING = 60.0
_ROUNDS = 5
_SETTLED = 2.2
# The textbook's nodes are part of the sources, not of the package.
TEXTBOOK = Path(__file__).parents[2] / "benchmarks" / "textbook" / "node.py"


@dataclass(frozen=True)
class Bench:
    """What to measure. seconds: of the main run; brief: of each of the others; overload: of that one.

    data: labelled photographs, or None; model: its folder; asked: for these tasks; the rest: parameters of
    the nodes.
    """

    model: Path
    seconds: float = 60.0
    brief: float = 15.0
    overload: float = 600.0
    data: Path | None = None
    engine: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    asked: tuple[str, ...] = TASKS
    prompts: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, str]:
        """Of the nodes, as YAML."""
        values = {
            "model": str(self.model),
            "engine": self.engine,
            "device": self.device,
            "precision": self.precision,
        }
        prompts = {"prompts": list(self.prompts)} if self.prompts else {}
        return {name: json.dumps(value) for name, value in {**values, **prompts}.items()}

    @property
    def card(self) -> Card:
        return load_card(self.model)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Those asked for that the model answers."""
        return tuple(task for task in self.asked if task in self.card.tasks)


def engine(bench: Bench) -> dict[str, Any]:
    """Median milliseconds a frame in the engine alone, by precision and batch."""
    card = bench.card
    height, width = card.input_sizes[0]
    rng = np.random.default_rng(0)
    text = encode_prompts(card, bench.prompts or card.labels, build_public) if card.open_vocabulary else {}
    found: dict[str, Any] = {}
    for precision in PRECISIONS:
        try:
            made = make_engine(card, bench.engine, bench.device, precision, build_public=build_public)
        except EngineUnavailable:
            continue
        times = {}
        for batch in (1, CAMERAS) if card.batched else (1,):
            images = rng.integers(0, 256, (batch, height, width, 3), np.uint8)
            beside = {CONTENT: np.full((batch, 2), (height, width), np.int64), **text}
            extra = {name: beside[name] for name in made.inputs}
            times[f"batch_{batch}"] = round(median_ms(made, images, extra) / batch, 2)
        found[precision] = {"engine": made.name, "device": made.device, **times}
    return {"input": [height, width], **found, "machine_rates": machine.rates()}


def composed(bench: Bench) -> dict[str, Any]:
    """All tasks in one node, a camera at 30 Hz."""
    with _suite(bench, CAMERA_HZ) as running:
        measured = running.measure(bench.seconds)
    return {**_live(measured), **_stages(measured)}


def separate(bench: Bench) -> dict[str, Any]:
    """One node a task, the same camera."""
    commands = {
        name: node_command(executable, bench.parameters)
        for name, executable in plan(composed=False, tasks=bench.tasks).items()
    }
    with graph(commands, {CAMERA: task_topics(bench.tasks)}, CAMERA_HZ, {}) as running:
        return _live(running.measure(bench.brief))


def textbook(bench: Bench) -> dict[str, Any]:
    """Frames a second of one suite against five of the textbook's nodes, both given all they can take.

    `ratio` is with the node as the chapter has it: 224 x 224 input, and PyTorch's default of a thread a core
    in each process, which get in each other's way. `ratio_one_thread` gives each process one thread, and
    `ratio_at_best` our smaller input as well.
    """
    with _suite(bench, SATURATING_HZ) as running:
        ours = _rate(running.measure(bench.brief))
    height, width = map(str, bench.card.input_sizes[0])
    found: dict[str, Any] = {"suite_hz": round(ours, 2)}
    chapter, single = ("224", "224"), {"OMP_NUM_THREADS": "1"}
    variants = {"": (chapter, {}), "_one_thread": (chapter, single), "_at_best": ((height, width), single)}
    for suffix, (size, environment) in variants.items():
        commands = {
            f"textbook_{task}": [
                str(TEXTBOOK),
                *("--task", task, "--model", str(bench.model), "--input", *size),
            ]
            for task in bench.tasks
        }
        with graph(commands, {CAMERA: task_topics(bench.tasks)}, CAMERA_HZ, environment) as running:
            measured = running.measure(2 * bench.brief)
        theirs = _rate(measured)
        found[f"textbook_hz{suffix}"] = round(theirs, 3)
        found[f"textbook_age_ms{suffix}"] = _ages(measured)
        found[f"ratio{suffix}"] = round(ours / theirs, 1)
    return found


def task_overhead(bench: Bench) -> dict[str, Any]:
    """A node's own milliseconds a frame, from message to answers published, with one task, two, … five.

    One process, its `enabled_tasks` changed again and again, and the best go of each, in the engine and
    outside of it: machines have seconds in which everything takes half as long again. `added` is what
    each next task adds, in times of the first one alone.
    """
    sets = [bench.tasks[:count] for count in range(1, len(bench.tasks) + 1)]
    found: dict[tuple[str, ...], list[tuple[float, float]]] = {tasks: [] for tasks in sets}
    with _suite(bench, CAMERA_HZ / 2) as running:
        running.wait_for_answers()
        for _ in range(_ROUNDS):
            for tasks in sets:
                running.listener.set_parameter("/perception", "enabled_tasks", list(tasks))
                time.sleep(_SETTLED)  # a statement is about the second before it
                running.listener.forget()
                time.sleep(max(_SETTLED, bench.brief / _ROUNDS))
                stages = running.listener.stage_ms()
                found[tasks].append((stages["inference"], stages["total"] - stages["inference"]))
    values = [sum(map(min, zip(*each, strict=True))) for each in found.values()]
    added = {
        task: round((after - before) / values[0], 3)
        for task, before, after in zip(bench.tasks[1:], values, values[1:], strict=False)
    }
    totals = {"+".join(tasks): round(value, 2) for tasks, value in zip(sets, values, strict=True)}
    return {"total_ms": totals, "added": added}


def overload(bench: Bench) -> dict[str, Any]:
    """A camera four times too fast for long; then one core for the camera, the nodes and the listener."""
    with _suite(bench, OVERLOAD_HZ) as running:
        running.measure(_FILLING)
        fast = running.measure(bench.overload)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # what is started from here on inherits it
    try:
        with _suite(bench, CAMERA_HZ) as running:
            confined = running.measure(bench.brief)
    finally:
        os.sched_setaffinity(0, cores)
    return {
        **{key: value for key, value in _live(fast).items() if key in ("hz", "age_ms", "rss_mb")},
        "memory_growth_mb": round(fast.growth_mb, 1),
        "seconds": round(fast.seconds, 1),
        "one_core": {
            "hz": _live(confined)["hz"],
            "age_ms": _ages(confined),
            "inference_ms": round(confined.stage_ms["inference"], 2),
        },
    }


def startup(bench: Bench) -> dict[str, Any]:
    """Seconds from the start of the process to its first answers, without and with a cache; memory."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {CACHE_VARIABLE: cache}
        seconds = []
        for _ in range(4):
            with _suite(bench, CAMERA_HZ, environment=environment) as running:
                seconds.append(running.wait_for_answers())
                modules = _maps_torch(running)
    return {
        "first_ever": round(seconds[0], 2),
        "startup_s": round(statistics.median(seconds[1:]), 2),
        "torch_imported": modules,
    }


def cameras(bench: Bench) -> dict[str, Any]:
    """Frames a second, all cameras together, of one suite for four and of four suites for one."""
    prefixes = [f"/camera{index}" for index in range(CAMERAS)]
    topics = {f"{prefix}/image": task_topics(bench.tasks, prefix) for prefix in prefixes}
    several = {**bench.parameters, "image_topics": json.dumps(list(topics))}
    one = {"perception": node_command("suite", several)}
    four = {
        f"perception{index}": node_command("suite", bench.parameters, "-r", f"__ns:={prefix}")
        for index, prefix in enumerate(prefixes)
    }
    rates, ages, memory = {}, {}, {}
    for name, commands in (("one_suite", one), ("four_suites", four)):
        with graph(commands, topics, CAMERA_HZ, {}) as running:
            measured = running.measure(2 * bench.brief)
        rates[name] = CAMERAS * _rate(measured)
        ages[name], memory[name] = _ages(measured), round(measured.rss_mb)
    return {
        "ratio": round(rates["one_suite"] / rates["four_suites"], 2),
        "hz": {name: round(rate, 1) for name, rate in rates.items()},
        "age_ms": ages,
        "rss_mb": memory,
    }


def int8_vs_fp32(bench: Bench) -> dict[str, Any]:
    """Points that int8 loses against fp32, by metric: measured on `data`, else as the card says."""
    if bench.data is None:
        measured, source = bench.card.metrics.get("int8", {}), "model card"
    else:
        from vit_perception.data.coco import load_photographs
        from vit_perception.training.evaluate import compare_precisions

        measured, source = compare_precisions(bench.model, load_photographs(bench.data)), str(bench.data)
    lost = {
        name.removesuffix("_fp32"): round(value - measured[name.replace("_fp32", "_int8")], 2)
        for name, value in measured.items()
        if name.endswith("_fp32")
    }
    return {**lost, "photographs": measured.get("photographs", 0), "source": source}


def _suite(
    bench: Bench, hz: float, tasks: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Any:
    """One suite on one camera."""
    tasks = tasks or bench.tasks
    parameters = {**bench.parameters, "tasks": json.dumps(list(tasks))}
    commands = {"perception": node_command("suite", parameters)}
    return graph(commands, {CAMERA: task_topics(tasks)}, hz, environment or {})


def _live(measured: Measured) -> dict[str, Any]:
    return {
        "hz": {topic.lstrip("/"): round(hz, 2) for topic, hz in measured.hz.items()},
        "sent": measured.sent,
        "dropped": measured.dropped,
        "seconds": round(measured.seconds, 1),
        "age_ms": _ages(measured),
        "cpu_cores": round(measured.cpu, 2),
        "rss_mb": round(measured.rss_mb),
    }


def _stages(measured: Measured) -> dict[str, Any]:
    """Where a frame's time goes, by the nodes' clocks.

    `outside_engine_fraction` is of the time from the stamp to the last answer: the way from the camera to the
    node counts, too; `outside_engine_fraction_in_node` is of that from the message's arrival.
    """
    stages = measured.stage_ms
    return {
        "stage_ms": {stage: round(value, 2) for stage, value in stages.items()},
        "outside_engine_fraction": round(1 - stages["inference"] / stages["latency"], 3),
        "outside_engine_fraction_in_node": round(1 - stages["inference"] / stages["response"], 3),
    }


def _ages(measured: Measured) -> dict[str, float]:
    return {f"p{percentile}": round(measured.age_ms(percentile), 1) for percentile in (50, 99)}


def _rate(measured: Measured) -> float:
    """Frames a second that all tasks answer, as the mean over topics."""
    return statistics.mean(measured.hz.values())


def _maps_torch(running: Graph) -> bool:
    """Whether a node has PyTorch's library in its memory."""
    return any(
        "libtorch" in Path(f"/proc/{node.process.pid}/maps").read_text() for node in running.nodes.running
    )
