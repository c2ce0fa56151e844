"""The files in a publisher's folder, whatever the library: their names, and the first checks of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONFIG = "config.json"
# Where the settings of a processor may be; the second holds those of a tokenizer beside them.
PROCESSORS = ("preprocessor_config.json", "processor_config.json")
# Weights in one file, or the index of several.
PUBLISHED_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
# What else a model needs to be built and to encode text, without weights.
SIDECARS = (
    CONFIG,
    *PROCESSORS,
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "added_tokens.json",
    "class_info.json",
)


def check_weights(folder: Path) -> None:
    """Raise an error unless there are safetensors; whatever unpickles is not opened."""
    if any((folder / name).is_file() for name in PUBLISHED_WEIGHTS):
        return
    pickles = sorted(
        file.name for file in folder.iterdir() if file.suffix in (".bin", ".pt", ".pth", ".ckpt")
    )
    if pickles:
        raise ValueError(
            f"{folder} has its weights in {pickles[0]} alone, a pickle, which can run code and is not "
            "opened: choose a revision with safetensors"
        )
    raise FileNotFoundError(f"{folder} has no {PUBLISHED_WEIGHTS[0]}: download the weights too")


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        FileNotFoundError: there is none. ValueError: it holds something else.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: the model folder is incomplete, download it again")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not JSON ({error}): download it again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file} holds a {type(content).__name__}, not an object: download it again")
    return content
