"""The benchmark's results against the targets, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vit_perception.bench.settings import CAMERA_HZ, OVERLOAD_HZ

# (what, target, the measured figure as text, whether the target is met)
Row = tuple[str, str, Callable[[Mapping[str, Any]], str], Callable[[Mapping[str, Any]], bool]]


def _ages(values: Mapping[str, Any]) -> str:
    return f"p50 {values['p50']:g} ms, p99 {values['p99']:g} ms"


def _slowest(results: Mapping[str, Any], part: str = "composed") -> float:
    return float(min(results[part]["hz"].values()))


def _worst(losses: Mapping[str, Any]) -> float:
    return max(value for name, value in losses.items() if name in ("miou", "ap50", "mean_accuracy"))


def _bound(hz: float, inference_ms: float) -> float:
    """Two frame times of a camera of this rate and one inference, in milliseconds."""
    return 2e3 / hz + inference_ms


ROWS: tuple[Row, ...] = (
    (
        "frames a second against five textbook nodes, same run",
        ">= 25 x",
        lambda r: f"{r['ratio_vs_textbook']:g} x ({r['textbook']['ratio_one_thread']:g} x, one thread each)",
        lambda r: r["ratio_vs_textbook"] >= 25,
    ),
    (
        "four cameras in one suite against four suites",
        ">= 1.3 x",
        lambda r: f"{r['four_cameras_ratio']:g} x",
        lambda r: r["four_cameras_ratio"] >= 1.3,
    ),
    (
        "all five tasks composed, 30 Hz camera",
        "30 Hz each",
        lambda r: f"{_slowest(r):g} Hz",
        lambda r: _slowest(r) >= 29.7,
    ),
    (
        "frames dropped",
        "0 in 60 s",
        lambda r: f"{r['composed']['dropped']} of {r['composed']['sent']} in {r['composed']['seconds']:g} s",
        lambda r: r["composed"]["dropped"] == 0,
    ),
    (
        "age of an answer",
        "p50 <= 30 ms, p99 <= 45 ms",
        lambda r: _ages(r["composed"]["age_ms"]),
        lambda r: r["composed"]["age_ms"]["p50"] <= 30 and r["composed"]["age_ms"]["p99"] <= 45,
    ),
    (
        "time outside the engine",
        "<= 20 %",
        lambda r: (
            f"{100 * r['outside_engine_fraction']:.0f} % from the camera's stamp, "
            f"{100 * r['composed']['outside_engine_fraction_in_node']:.0f} % from the arrival"
        ),
        lambda r: r["outside_engine_fraction"] <= 0.2,
    ),
    (
        "each task after the first",
        "<= 10 % more",
        lambda r: ", ".join(f"{task} {100 * share:.0f} %" for task, share in r["task_overhead"].items()),
        lambda r: max(r["task_overhead"].values()) <= 0.1,
    ),
    (
        "all five tasks composed, 60 Hz camera",
        ">= 59.5 Hz each, p99 <= 33 ms",
        lambda r: f"{_slowest(r, 'fast_camera'):g} Hz, {_ages(r['fast_camera']['age_ms'])}",
        lambda r: _slowest(r, "fast_camera") >= 59.5 and r["fast_camera"]["age_ms"]["p99"] <= 33,
    ),
    (
        "camera at 120 Hz",
        "age <= 2 of its frames + 1 inference",
        lambda r: _ages(r["overload"]["age_ms"]),
        lambda r: (
            r["overload"]["age_ms"]["p99"] <= _bound(OVERLOAD_HZ, r["composed"]["stage_ms"]["inference"])
        ),
    ),
    (
        "one core for everything",
        "age <= 2 frames + 1 inference",
        lambda r: _ages(r["overload"]["one_core"]["age_ms"]),
        lambda r: (
            r["overload"]["one_core"]["age_ms"]["p99"]
            <= _bound(CAMERA_HZ, r["overload"]["one_core"]["inference_ms"])
        ),
    ),
    (
        "memory, overloaded",
        "no growth in 10 min",
        lambda r: f"{r['overload']['memory_growth_mb']:+g} MB in {r['overload']['seconds'] / 60:.0f} min",
        lambda r: r["overload"]["memory_growth_mb"] <= 5,
    ),
    (
        "start to first answer",
        "<= 2 s, no torch",
        lambda r: f"{r['startup_s']:g} s ({r['startup']['first_ever']:g} s the first time ever)",
        lambda r: r["startup_s"] <= 2 and not r["startup"]["torch_imported"],
    ),
    (
        "resident memory of the suite",
        "<= 350 MB",
        lambda r: f"{r['rss_mb']:g} MB",
        lambda r: r["rss_mb"] <= 350,
    ),
    (
        "int8 against fp32, points lost",
        "<= 1",
        lambda r: ", ".join(
            f"{name} {r['int8_vs_fp32'][name]:+g}"
            for name in ("miou", "ap50", "mean_accuracy")
            if name in r["int8_vs_fp32"]
        ),
        lambda r: _worst(r["int8_vs_fp32"]) <= 1,
    ),
)


def summary(found: Mapping[str, Any]) -> dict[str, Any]:
    """The parts' results, with the most wanted figures on top."""
    top: dict[str, Any] = {}
    if "textbook" in found:
        top["ratio_vs_textbook"] = found["textbook"]["ratio"]
    if "cameras" in found:
        top["four_cameras_ratio"] = found["cameras"]["ratio"]
    if "composed" in found:
        top["outside_engine_fraction"] = found["composed"]["outside_engine_fraction"]
        top["rss_mb"] = found["composed"]["rss_mb"]
    if "task_overhead" in found:
        top["task_overhead"] = found["task_overhead"]["added"]
        top["task_total_ms"] = found["task_overhead"]["total_ms"]
    if "startup" in found:
        top["startup_s"] = found["startup"]["startup_s"]
    rest = {name: values for name, values in found.items() if name != "task_overhead"}
    return {**top, **rest}


def table(results: Mapping[str, Any]) -> str:
    """A Markdown table: each target with the measured figure, or a dash where that part did not run."""
    lines = ["| | target | measured | |", "|---|---|---|---|"]
    for what, target, read, met in ROWS:
        try:
            cells = (read(results), "met" if met(results) else "**missed**")
        except (KeyError, ValueError):  # not run
            cells = ("–", "")
        lines.append(f"| {what} | {target} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def output_table(cost: Mapping[str, Any]) -> str:
    """A Markdown table of what each output adds to a frame."""
    without = cost["without"]
    lines = [
        "| milliseconds a frame | outside the engine | of the processor | |",
        "|---|---|---|---|",
        f"| detections and mask alone | {without['answer_ms']:.1f} | {without['cpu_ms']:.1f} | |",
        *(
            f"| + {name} | {added['answer_ms']:+.1f} | {added['cpu_ms']:+.1f} | {added['percent']:+.0f} % |"
            for name, added in cost["added"].items()
        ),
    ]
    return "\n".join(lines)


def heading(results: Mapping[str, Any]) -> str:
    """A line on the machine, the versions and the model."""
    machine = results["machine"]
    instructions = ", ".join(machine["instructions"])
    return (
        f"{machine['processor']}, {machine['cores']} cores ({instructions}), {machine['memory_gb']:g} GB, "
        f"Python {machine['python']}, OpenVINO {machine['libraries'].get('openvino', 'absent')}; "
        f"{results['model']}"
    )
