"""The engine by itself, without nodes: its speed in each precision, and what int8 costs in quality."""

from __future__ import annotations

from typing import Any

import numpy as np

from vit_perception.bench import machine
from vit_perception.bench.settings import CAMERAS, Bench
from vit_perception.cards.raw_outputs import CONTENT
from vit_perception.export.calibration import median_ms
from vit_perception.export.examples import example_inputs
from vit_perception.hub.build import build_public
from vit_perception.runtime.engines import EngineUnavailable
from vit_perception.runtime.engines.select import PRECISIONS, make_engine
from vit_perception.runtime.prompts import encode_prompts


def engine(bench: Bench) -> dict[str, Any]:
    """What `engine_ms` measures, and the rates of the machine, which bound it."""
    return {**engine_ms(bench), "machine_rates": machine.rates()}


def engine_ms(bench: Bench) -> dict[str, Any]:
    """Median milliseconds for a frame, by precision and size of the batch, and the size of the input."""
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
            beside = {
                CONTENT: np.full((batch, 2), (height, width), np.int64),
                **example_inputs(card, batch, (height, width)),
                **text,
            }
            extra = {name: beside[name] for name in made.inputs}
            times[f"batch_{batch}"] = round(median_ms(made, images, extra) / batch, 2)
        found[precision] = {"engine": made.name, "device": made.device, **times}
    return {"input": [height, width], **found}


def int8_vs_fp32(bench: Bench) -> dict[str, Any]:
    """Points that int8 loses against fp32, by metric: measured on `data`, otherwise from the card."""
    if bench.data is None:
        measured, source = bench.card.metrics.get("int8", {}), "model card"
    else:
        from vit_perception.training.evaluate import (
            compare_precisions,
            labelled_pictures,
            numbers_to_measure,
        )

        pictures = labelled_pictures(bench.data, bench.card)
        if pictures is None:
            raise ValueError(f"{bench.data} has no labels of {bench.card.name}: give a dataset that has")
        measured = compare_precisions(bench.model, pictures, numbers_to_measure(pictures))
        source = str(bench.data)
    lost = {
        name.removesuffix("_fp32"): round(value - measured[name.replace("_fp32", "_int8")], 2)
        for name, value in measured.items()
        if name.endswith("_fp32")
    }
    return {**lost, "photographs": measured.get("photographs", 0), "source": source}
