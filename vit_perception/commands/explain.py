"""`vit-perception explain`."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.commands.arguments import add_model_name
from vit_perception.viz.draw import COLOUR_MAPS

HELP = "show where a model looks in one picture"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, help="any picture that OpenCV reads")
    add_model_name(parser)
    parser.add_argument(
        "--method",
        default="attention",
        choices=("attention", "heads", "rollout", "gradient"),
        help="attention of one block, the same head by head, rollout through all blocks, or gradient for one "
        "class (attention)",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="PNG", help="the picture to write")
    parser.add_argument(
        "--class", dest="label", metavar="NAME", help="class for gradient, or group (the most likely class)"
    )
    parser.add_argument("--block", type=int, default=-1, help="block for attention and heads (-1, the last)")
    parser.add_argument("--start", type=int, help="first block for rollout (the middle one) and gradient (0)")
    parser.add_argument(
        "--clip",
        type=float,
        default=3.0,
        help="limit of what rollout takes from one patch, in times the median patch; inf for none (3)",
    )
    parser.add_argument(
        "--colour-map", default="inferno", choices=sorted(COLOUR_MAPS), help="of the heat map (inferno)"
    )
    parser.add_argument("--opacity", type=float, default=0.5, help="opacity of the heat map, 0 to 1 (0.5)")


def run(options: argparse.Namespace) -> int:
    """Write the picture."""
    from vit_perception.explain.explain import Explainer
    from vit_perception.hub.obtain import obtain_model
    from vit_perception.hub.report import to_stderr
    from vit_perception.viz.draw import contact_sheet, draw_attention
    from vit_perception.viz.pictures import read_picture, write_picture

    image = read_picture(options.image)
    maps = Explainer(obtain_model(options.model, to_stderr))(
        image,
        options.method,
        block=options.block,
        label=options.label,
        start=options.start,
        clip=options.clip,
        order="rgb",
    )
    sheet = contact_sheet([draw_attention(image, heat, options.colour_map, options.opacity) for heat in maps])
    write_picture(options.output, sheet)
    print(f"Drawn in {options.output}")
    return 0
