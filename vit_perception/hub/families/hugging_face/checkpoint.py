"""A folder as Hugging Face's publishers make them: config.json, the processor's settings, weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vit_perception.hub.reasons import reason_of

CONFIG = "config.json"
# Where the settings of a processor may be; the second holds those of a tokenizer beside them.
PROCESSORS = ("preprocessor_config.json", "processor_config.json")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
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


@dataclass(frozen=True)
class Checkpoint:
    """class_name: of the model in transformers. config, processor: transformers' own objects, the settings of
    the files over the defaults of their classes."""

    folder: Path
    class_name: str
    config: Any
    processor: Any

    @property
    def labels(self) -> tuple[str, ...]:
        """Names by class id; ids that have none are called by their number."""
        names: Mapping[int, str] = {int(key): str(name) for key, name in self.config.id2label.items()}
        return tuple(names.get(class_id, str(class_id)) for class_id in range(max(names, default=-1) + 1))


def read_checkpoint(folder: Path) -> Checkpoint:
    """The settings in a folder; no weights are read and no code that it brings is run.

    Raises:
        FileNotFoundError: a file is missing. ValueError: a file is damaged, or needs code of its own.
    """
    class_name = class_of(folder)
    if not any((folder / name).is_file() for name in PROCESSORS):
        raise FileNotFoundError(
            f"{folder} has no {PROCESSORS[0]}, which says how its images are prepared: download it too"
        )
    from transformers import AutoConfig, AutoImageProcessor

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ValueError(
            f"{folder / CONFIG} is not of a model that transformers has: {reason_of(error)}"
        ) from error
    # A list of classes that OneFormer's fetches from elsewhere, for training.
    unused = {"class_info_file": None} if class_name.startswith("OneFormer") else {}
    try:
        processor = AutoImageProcessor.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **unused
        )
    except Exception as error:  # each processor refuses wrong settings in its own way
        raise ValueError(
            f"the processor's settings in {folder} cannot be used: {reason_of(error)}"
        ) from error
    return Checkpoint(folder, class_name, config, processor)


def class_of(folder: Path) -> str:
    """Name of the class in transformers of the model in a folder.

    Raises:
        FileNotFoundError: config.json is missing. ValueError: it is damaged, or asks for code of its own.
    """
    content = read_json(folder / CONFIG)
    classes: Any = content.get("architectures") or ()
    if len(classes) != 1 or not isinstance(classes[0], str):
        raise ValueError(f"{folder / CONFIG} names no architecture but {classes!r}: it is no trained model's")
    if content.get("auto_map"):
        raise ValueError(
            f"{folder / CONFIG} asks to run Python code of its own ({classes[0]}), which is never done: "
            "choose a model that transformers itself has"
        )
    return str(classes[0])


def check_weights(folder: Path) -> None:
    """Raise an error unless there are safetensors; whatever unpickles is not opened."""
    if any((folder / name).is_file() for name in WEIGHTS):
        return
    pickles = sorted(
        file.name for file in folder.iterdir() if file.suffix in (".bin", ".pt", ".pth", ".ckpt")
    )
    if pickles:
        raise ValueError(
            f"{folder} has its weights in {pickles[0]} alone, a pickle, which can run code and is not "
            "opened: choose a revision with safetensors"
        )
    raise FileNotFoundError(f"{folder} has no {WEIGHTS[0]}: download the weights too")


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
