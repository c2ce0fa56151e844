"""The settings in a folder as publishers on Hugging Face make it: config.json and the processor's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vit_perception.hub.families.files import CONFIG, PROCESSORS, read_json
from vit_perception.hub.reasons import reason_of


@dataclass(frozen=True)
class Checkpoint:
    """The settings in a publisher's folder.

    Attributes:
        folder: where they were read.
        class_name: of the model in transformers.
        config: transformers' object, the settings of config.json over the defaults of its class.
        processor: the same for the image processor's.
    """

    folder: Path
    class_name: str
    config: Any
    processor: Any

    @property
    def labels(self) -> tuple[str, ...]:
        """Names by class id; ids that have none are called by their number."""
        names: Mapping[int, str] = {int(key): str(name) for key, name in self.config.id2label.items()}
        return tuple(names.get(class_id, str(class_id)) for class_id in range(max(names, default=-1) + 1))


def read_settings(folder: Path) -> Checkpoint:
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
