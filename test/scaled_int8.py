"""The tiny model with an int8 graph that sees another picture than the others do."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import openvino

from vit_perception.cards.card import load_card, write_card
from vit_perception.cards.files import INT8_DATA_FILE, INT8_FILE
from vit_perception.cards.integrity import sha256
from vit_perception.runtime.engines.openvino_compiler import shared_core

TINY = Path(__file__).parent / "fixtures" / "tiny"
# Divides the pixels: the answers stay, they become others, or there are none.
SAME, WRONG, NOT_FINITE = 1.0, 1e3, 1e-38


def with_int8(folder: Path, scale: float) -> Path:
    """A copy of the tiny model in `folder`, whose pixels are divided by `scale` in int8."""
    shutil.copytree(TINY, folder)
    card = load_card(folder)
    steps = openvino.preprocess.PrePostProcessor(shared_core().read_model(card.file("onnx")))
    steps.input("image").preprocess().scale(scale)
    openvino.save_model(steps.build(), folder / INT8_FILE, compress_to_fp16=False)
    files = {"int8": INT8_FILE, "int8_data": INT8_DATA_FILE}
    digests = {name: sha256(folder / name) for name in files.values()}
    write_card(dataclasses.replace(card, files={**card.files, **files}, sha256={**card.sha256, **digests}))
    return folder
