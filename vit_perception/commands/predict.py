"""`vit-perception predict`."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.commands.arguments import add_model

HELP = "look at one picture, without ROS"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, help="any picture that OpenCV reads")
    parser.add_argument(
        "--output", type=Path, metavar="PNG", help="write the picture here, with the answers drawn on it"
    )
    add_model(parser)


def run(options: argparse.Namespace) -> int:
    """Print the answers, and draw them if asked to."""
    from vit_perception.hub.build import build_public
    from vit_perception.hub.obtain import obtain_model
    from vit_perception.hub.report import to_stderr
    from vit_perception.runtime.predictor import Predictor
    from vit_perception.viz.describe import describe_perception
    from vit_perception.viz.draw import draw_overlay
    from vit_perception.viz.pictures import read_picture, write_picture

    image = read_picture(options.image)
    predictor = Predictor(
        obtain_model(options.model, to_stderr),
        options.engine,
        options.device,
        options.tasks,
        options.precision,
        options.prompts,
        build_public=build_public,
    )
    # The first call compiles, which is not what the times below are about.
    predictor.warm_up(*image.shape[:2])
    perception = predictor(image, order="rgb")
    print(describe_perception(perception, predictor.card))
    stages = ", ".join(f"{stage} {milliseconds:.1f}" for stage, milliseconds in perception.stage_ms.items())
    engine = predictor.engine
    print(f"{'ms':<16}{stages} ({predictor.card.name} on {engine.name}, {engine.device}, {engine.precision})")
    if options.output is not None:
        write_picture(options.output, draw_overlay(image, perception, predictor.labels))
        print(f"Drawn in {options.output}")
    return 0
