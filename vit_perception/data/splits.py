"""`splits.yaml`: the held-out parts of a dataset, each a list of names of pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml

from vit_perception.data.dataset import Fault
from vit_perception.data.yaml_files import not_yaml
from vit_perception.runtime.whole_file import whole_file

SPLITS = "splits.yaml"
# The one in C reads 100,000 names in a second, the other one in half a minute.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def write_splits(folder: Path, parts: Mapping[str, Sequence[str]]) -> None:
    """Write names by part."""
    with whole_file(folder / SPLITS) as file:
        file.write(b"# Held out from training. No picture is in two parts.\n")
        for part, names in parts.items():
            file.write(f"{json.dumps(part)}:{'' if names else ' []'}\n".encode())
            file.writelines(f"- {json.dumps(name)}\n".encode() for name in names)


def read_splits(folder: Path, numbers: Mapping[str, int]) -> tuple[dict[str, np.ndarray], list[Fault]]:
    """Picture numbers by part, and faults: names that no picture has.

    Args:
        folder: of the dataset; without the file it has no parts.
        numbers: number of each picture, by name.

    Raises:
        ValueError: the file is not of that form, or a picture is in two parts; the message names the line.
    """
    path = folder / SPLITS
    if not path.is_file():
        return {}, []
    found: dict[str, list[int]] = {}
    faults: list[Fault] = []
    part_of: dict[str, str] = {}
    for part, name, line in _entries(path):
        members = found.setdefault(part, [])
        if name is None:
            continue
        if name in part_of:
            raise ValueError(
                f"{path}:{line}: {name} is in {part_of[name]} and in {part}: leave it in one part"
            )
        part_of[name] = part
        if name in numbers:
            members.append(numbers[name])
        else:
            faults.append(Fault(path, line, f"no picture is named {name}: correct it, or delete this line"))
    return {part: np.sort(np.array(members, np.int64)) for part, members in found.items()}, faults


def _entries(path: Path) -> Iterator[tuple[str, str | None, int]]:
    """(part, name, line); once without a name for each part, so that empty ones are there."""
    try:
        # Nodes keep the text: as a value, 000123 would become a number.
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise not_yaml(path, error) from None
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"{path}: give the name of a part, and a list of names of pictures below it")
    for key, names in root.value:
        line = key.start_mark.line + 1
        if not isinstance(names, yaml.SequenceNode):
            raise ValueError(f"{path}:{line}: {key.value} is not a list: give names of pictures")
        yield key.value, None, line
        for name in names.value:
            yield key.value, str(name.value), name.start_mark.line + 1
