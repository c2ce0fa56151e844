"""`vit-perception explain`."""

from __future__ import annotations

import argparse
import math

import numpy as np

from vit_perception.explain.explain import Explainer
from vit_perception.runtime.draw import draw_attention
from vit_perception.runtime.pictures import read_picture, write_picture


def run_explain(options: argparse.Namespace) -> int:
    """Write the picture; gives the process's exit code."""
    image = read_picture(options.image)
    maps = Explainer(options.model)(
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


def contact_sheet(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures of one size in rows, about as many as columns, the last row filled up in black."""
    columns = math.ceil(math.sqrt(len(pictures)))
    blank = np.zeros_like(pictures[0])
    pictures = pictures + [blank] * (-len(pictures) % columns)
    rows = [np.hstack(pictures[first : first + columns]) for first in range(0, len(pictures), columns)]
    return np.vstack(rows)
