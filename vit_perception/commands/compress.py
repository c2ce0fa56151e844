"""`vit-perception compress`: a smaller model, and what that costs in accuracy and saves in time."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from vit_perception.commands.arguments import add_frames

HELP = "make a smaller model: fewer heads, narrower MLPs, int8"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="name or folder of a model whose backbone is a plain ViT")
    add_frames(parser, 64)
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="folder for the smaller model"
    )
    parser.add_argument("--heads", type=int, help="attention heads to keep in each block (all)")
    parser.add_argument(
        "--mlp-ratio", type=float, help="width of the MLPs, in widths of the tokens (that of the model)"
    )
    parser.add_argument(
        "--int8", action="store_true", help="also make an int8 graph, which shares the weights"
    )


def run(options: argparse.Namespace) -> int:
    """Write the smaller model to `output`; ValueError if that is the model itself."""
    from vit_perception.cards.card import load_card, write_card
    from vit_perception.data.packs.unpack import folder_of
    from vit_perception.export.calibration import calibration_frames
    from vit_perception.export.compress import compress
    from vit_perception.export.export import export
    from vit_perception.export.quantize import quantize
    from vit_perception.hub.obtain import obtain_model
    from vit_perception.runtime.engines.torch import load_model

    folder, output = obtain_model(options.model), Path(options.output)
    if output.resolve() == folder.resolve():
        raise ValueError(f"{output} is the model itself: give another --output")
    card = load_card(folder)
    frames = calibration_frames(folder_of(options.data), options.frames)
    model = load_model(card)
    smaller, architecture = compress(card, model, frames, options.heads, options.mlp_ratio)
    kept = architecture["backbone"]
    what = f"{kept['num_heads']} heads, mlp_ratio {kept['mlp_ratio']:g}"
    made = dataclasses.replace(
        card,
        name=output.name,
        description=f"{card.description} Compressed to {what}.",
        provenance=f"{card.provenance} Compressed from {card.name} by vit-perception compress.",
        architecture=architecture,
        metrics={},
    )
    export(smaller, made, output)
    precision = "fp32"
    if options.int8:
        write_card(quantize(load_card(output), frames))
        precision = "int8"
    measured = _measure(folder, output, options.data, options.splits, precision)
    measured["parameters"] = sum(parameter.numel() for parameter in smaller.parameters())
    measured["parameters_before"] = sum(parameter.numel() for parameter in model.parameters())
    write_card(dataclasses.replace(load_card(output), metrics={"compressed": measured}))
    for name, value in measured.items():
        print(f"{name:28}{value}")
    print(f"Written to {output}; train it on with --student {output} to win back what it lost")
    return 0


def _measure(before: Path, after: Path, data: Path, splits: Path | None, precision: str) -> dict[str, Any]:
    """Milliseconds of both in this precision, and where `data` is labelled the accuracy of both."""
    import numpy as np

    from vit_perception.cards.card import load_card
    from vit_perception.export.calibration import median_ms
    from vit_perception.export.examples import example_inputs
    from vit_perception.runtime.engines.openvino import OpenVinoEngine
    from vit_perception.runtime.predictor import Predictor
    from vit_perception.training.evaluate import judge, labelled_pictures, numbers_to_measure

    pictures = labelled_pictures(data, load_card(before))
    measured: dict[str, Any] = {"precision": precision}
    for suffix, folder in (("_before", before), ("", after)):
        card = load_card(folder)
        used = precision if precision != "int8" or "int8" in card.files else "auto"
        image = np.zeros((1, *card.input_sizes[0], 3), np.uint8)
        extra = example_inputs(card, 1, card.input_sizes[0])
        measured[f"latency_ms{suffix}"] = round(median_ms(OpenVinoEngine(card, used), image, extra), 2)
        if pictures is not None:
            predictor = Predictor(folder, "openvino", "cpu", precision=used)
            found = judge(predictor, pictures, numbers_to_measure(pictures, splits))
            measured |= {f"{name}{suffix}": value for name, value in found.items() if "/" not in name}
    return measured
