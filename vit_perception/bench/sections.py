"""The parts of the benchmark, each one question; the result is what goes into the JSON."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from vit_perception.bench.engine import engine, int8_vs_fp32
from vit_perception.bench.figures import age_figures, live_figures, mean_hz, stage_figures
from vit_perception.bench.live import Graph, graph, task_topics
from vit_perception.bench.output_cost import output_cost
from vit_perception.bench.settings import CAMERA, CAMERA_HZ, CAMERAS, FAST_HZ, OVERLOAD_HZ, Bench
from vit_perception.replay.processes import node_command, plan
from vit_perception.runtime.engines.cache import CACHE_VARIABLE

__all__ = [
    "Bench",
    "cameras",
    "composed",
    "engine",
    "fast_camera",
    "int8_vs_fp32",
    "output_cost",
    "overload",
    "separate",
    "startup",
    "task_overhead",
    "textbook",
]

# Seconds until every pool and buffer has reached its size.
_FILLING = 60.0
_ROUNDS = 5
_SETTLED = 2.2
# The textbook's nodes are part of the sources, not of the package.
TEXTBOOK = Path(__file__).parents[2] / "benchmarks" / "textbook" / "node.py"


def composed(bench: Bench) -> dict[str, Any]:
    """All tasks in one node, with a camera at 30 Hz."""
    with _suite(bench, CAMERA_HZ) as running:
        measured = running.measure(bench.seconds)
    return {**live_figures(measured), **stage_figures(measured)}


def fast_camera(bench: Bench) -> dict[str, Any]:
    """All tasks in one node, with a camera at 60 Hz."""
    with _suite(bench, FAST_HZ) as running:
        return live_figures(running.measure(bench.brief))


def separate(bench: Bench) -> dict[str, Any]:
    """One node for each task, with the same camera."""
    commands = {
        name: node_command(executable, bench.parameters)
        for name, executable in plan(composed=False, tasks=bench.tasks).items()
    }
    with graph(commands, {CAMERA: task_topics(bench.tasks)}, CAMERA_HZ, {}) as running:
        return live_figures(running.measure(bench.brief))


def textbook(bench: Bench) -> dict[str, Any]:
    """Frames a second of one suite against a textbook node for each task, with a camera too fast for either.

    `ratio` is with the node as the chapter has it: 224 x 224 input, and PyTorch's default of one thread for
    each core in every process, so that the processes compete for the cores. `ratio_one_thread` gives each
    process one thread, and `ratio_at_best` the suite's smaller input as well.
    """
    with _suite(bench, FAST_HZ) as running:
        ours = mean_hz(running.measure(bench.brief))
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
        theirs = mean_hz(measured)
        found[f"textbook_hz{suffix}"] = round(theirs, 3)
        found[f"textbook_age_ms{suffix}"] = age_figures(measured)
        found[f"ratio{suffix}"] = round(ours / theirs, 1)
    return found


def task_overhead(bench: Bench) -> dict[str, Any]:
    """A node's own milliseconds for a frame, from message to published results, with one task, two, … all.

    One process, whose `enabled_tasks` change again and again. The best of several rounds counts, separately
    in the engine and outside it, since a busy machine slows down for seconds. `added` is what each next task
    adds, as a fraction of the time of the first one alone.
    """
    sets = [bench.tasks[:count] for count in range(1, len(bench.tasks) + 1)]
    found: dict[tuple[str, ...], list[tuple[float, float]]] = {tasks: [] for tasks in sets}
    with _suite(bench, CAMERA_HZ / 2) as running:
        running.wait_for_results()
        for _ in range(_ROUNDS):
            for tasks in sets:
                running.listener.set_parameter("/perception", "enabled_tasks", list(tasks))
                time.sleep(_SETTLED)  # a report is about the second before it
                running.listener.reset()
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
    """A camera at 120 Hz for long; then one core for the camera, the nodes and the listener."""
    with _suite(bench, OVERLOAD_HZ) as running:
        running.measure(_FILLING)
        fast = running.measure(bench.overload)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # inherited by what is started from here on
    try:
        with _suite(bench, CAMERA_HZ) as running:
            confined = running.measure(bench.brief)
    finally:
        os.sched_setaffinity(0, cores)
    return {
        **{key: value for key, value in live_figures(fast).items() if key in ("hz", "age_ms", "rss_mb")},
        "memory_growth_mb": round(fast.growth_mb, 1),
        "seconds": round(fast.seconds, 1),
        "one_core": {
            "hz": live_figures(confined)["hz"],
            "age_ms": age_figures(confined),
            "inference_ms": round(confined.stage_ms["inference"], 2),
        },
    }


def startup(bench: Bench) -> dict[str, Any]:
    """Seconds from the start of the process to its first results, without and with a cache."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {CACHE_VARIABLE: cache}
        seconds = []
        for _ in range(4):
            with _suite(bench, CAMERA_HZ, environment=environment) as running:
                seconds.append(running.wait_for_results())
                modules = _maps_torch(running)
    return {
        "first_ever": round(seconds[0], 2),
        "startup_s": round(statistics.median(seconds[1:]), 2),
        "torch_imported": modules,
    }


def cameras(bench: Bench) -> dict[str, Any]:
    """Frames a second of all cameras together, with one suite for four and with a suite for each."""
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
        rates[name] = CAMERAS * mean_hz(measured)
        ages[name], memory[name] = age_figures(measured), round(measured.rss_mb)
    return {
        "ratio": round(rates["one_suite"] / rates["four_suites"], 2),
        "hz": {name: round(rate, 1) for name, rate in rates.items()},
        "age_ms": ages,
        "rss_mb": memory,
    }


def _suite(
    bench: Bench, hz: float, tasks: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> AbstractContextManager[Graph]:
    """One suite on one camera."""
    tasks = tasks or bench.tasks
    parameters = {**bench.parameters, "tasks": json.dumps(list(tasks))}
    commands = {"perception": node_command("suite", parameters)}
    return graph(commands, {CAMERA: task_topics(tasks)}, hz, environment or {})


def _maps_torch(running: Graph) -> bool:
    """Whether a node has PyTorch's library in its memory."""
    return any(
        "libtorch" in Path(f"/proc/{node.process.pid}/maps").read_text() for node in running.nodes.running
    )
