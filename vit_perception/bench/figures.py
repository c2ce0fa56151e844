"""Measurements as the rounded figures of the report."""

from __future__ import annotations

import statistics
from typing import Any

from vit_perception.bench.live import Measured


def live_figures(measured: Measured) -> dict[str, Any]:
    """Rates, drops, ages, processor and memory."""
    return {
        "hz": {topic.lstrip("/"): round(hz, 2) for topic, hz in measured.hz.items()},
        "sent": measured.sent,
        "dropped": measured.dropped,
        "seconds": round(measured.seconds, 1),
        "age_ms": age_figures(measured),
        "cpu_cores": round(measured.cpu, 2),
        "rss_mb": round(measured.rss_mb),
    }


def stage_figures(measured: Measured) -> dict[str, Any]:
    """The time of each stage, by the nodes' clocks, and the fraction spent outside the engine.

    `outside_engine_fraction` is of the time from the image's stamp to the last result, which includes the way
    from the camera to the node; `outside_engine_fraction_in_node` is of the time from the message's arrival.
    """
    stages = measured.stage_ms
    return {
        "stage_ms": {stage: round(value, 2) for stage, value in stages.items()},
        "outside_engine_fraction": round(1 - stages["inference"] / stages["latency"], 3),
        "outside_engine_fraction_in_node": round(1 - stages["inference"] / stages["response"], 3),
    }


def age_figures(measured: Measured) -> dict[str, float]:
    """Median and 99th percentile of the age of a result, in milliseconds."""
    return {f"p{percentile}": round(measured.age_ms(percentile), 1) for percentile in (50, 99)}


def mean_hz(measured: Measured) -> float:
    """Frames a second, as the mean over topics."""
    return statistics.mean(measured.hz.values())
