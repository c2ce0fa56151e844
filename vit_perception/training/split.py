"""Which pictures train, and which are held out: to choose, to calibrate, and to report."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml

# In the order in which a class gets its held-out pictures.
HELD_OUT = ("report", "choose", "calibrate")
PARTS = ("train", *HELD_OUT)

# Part → numbers of its pictures, ascending.
Split = dict[str, list[int]]


def split_pictures(
    names: Sequence[str], examples: np.ndarray, fraction: float, reserved: frozenset[int] = frozenset()
) -> Split:
    """Split pictures so that every class has about the same share in every part.

    Rarest class first, a fraction of its pictures goes to each held-out part (iterative stratification,
    Sechidis et al. 2011), in the order of the hashes of their names: the same names give the same split.

    Args:
        names: of the P pictures.
        examples: (P, C) bool, of which classes each picture is an example.
        fraction: share of the pictures for each held-out part.
        reserved: numbers of pictures that must not train, as the dataset has them. If there are any, they
            alone are held out, a third in each part.

    Raises:
        ValueError: there are too few pictures for a part.
    """
    if len(names) < len(PARTS):
        raise ValueError(
            f"{len(names)} labelled pictures are too few: give at least {len(PARTS)}, one to train on and "
            "one for each of the held-out parts"
        )
    if reserved and len(reserved) < len(HELD_OUT):
        raise ValueError(
            f"the dataset holds out {len(reserved)} pictures: give at least {len(HELD_OUT)}, or none, so "
            "that some are chosen here"
        )
    candidates = sorted(reserved) if reserved else range(len(names))
    order = sorted(candidates, key=lambda number: hashlib.sha256(names[number].encode()).hexdigest())
    share = 1 / len(HELD_OUT) if reserved else fraction
    place: dict[int, str] = {}
    columns = [examples[order, c].nonzero()[0] for c in range(examples.shape[1])]
    # A class with fewer pictures than that has none to hold out. If it came first, all of them would train,
    # and with many such classes nearly all pictures would.
    groups = [[order[row] for row in rows] for rows in columns if len(rows) * share >= 1]
    for members in (*sorted(groups, key=len), order):
        have = {part: sum(place.get(number) == part for number in members) for part in HELD_OUT}
        want = max(round(len(members) * share), members is order)
        for number in members:
            if number in place:
                continue
            part = next((part for part in HELD_OUT if have[part] < want), "train")
            place[number] = part
            if part in have:
                have[part] += 1
    if reserved:  # what rounding left over
        for number in order:
            place[number] = "report" if place[number] == "train" else place[number]
    _fill(place, order, reserved)
    parts: Split = {part: [] for part in PARTS}
    for number in range(len(names)):
        parts[place.get(number, "train")].append(number)
    if not parts["train"]:
        raise ValueError("all pictures are held out: give pictures to train on, too")
    return parts


def given_split(parts: Mapping[str, np.ndarray], count: int) -> Split | None:
    """The split of datasets that name the parts `report`, `choose` and `calibrate` themselves; else None.

    Args:
        parts: numbers of the pictures of each part that they hold out.
        count: of all pictures.
    """
    if not all(len(parts.get(part, ())) for part in HELD_OUT):
        return None
    held = {int(number) for numbers in parts.values() for number in numbers}
    found = {part: sorted(int(number) for number in parts[part]) for part in HELD_OUT}
    return {"train": [number for number in range(count) if number not in held], **found}


def _fill(place: dict[int, str], order: Sequence[int], reserved: frozenset[int]) -> None:
    """Give an empty part a picture of the largest one."""
    sources = HELD_OUT if reserved else PARTS
    for part in HELD_OUT:
        if part not in place.values():
            largest = max(sources, key=lambda source: sum(each == source for each in place.values()))
            place[next(number for number in order if place[number] == largest)] = part


def write_split(split: Split, names: Sequence[str], path: Path) -> None:
    """Write the names of the pictures of each part as YAML."""
    content = {part: [names[number] for number in numbers] for part, numbers in split.items()}
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def read_split(path: Path, names: Sequence[str]) -> Split:
    """What `write_split` wrote, or somebody by hand: without `train`, all that are not held out train.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a part is missing or empty, or a name is unknown or in two parts.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}: give a YAML file with the parts {', '.join(HELD_OUT)}")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or not set(content) >= set(HELD_OUT):
        raise ValueError(f"{path} must have the parts {', '.join(HELD_OUT)}")
    numbers = {name: number for number, name in enumerate(names)}
    seen: set[str] = set()
    split: Split = {}
    for part in (part for part in PARTS if part in content):
        if not isinstance(content[part], list) or not content[part]:
            raise ValueError(f"{path} names no pictures in {part}: give a list of names")
        for name in map(str, content[part]):
            if name not in numbers:
                raise ValueError(f"{path} names {name!r} in {part}, but the datasets have no such picture")
            if name in seen:
                raise ValueError(f"{path} names {name!r} twice")
            seen.add(name)
        split[part] = sorted(numbers[str(name)] for name in content[part])
    split.setdefault("train", [number for name, number in numbers.items() if name not in seen])
    if not split["train"]:
        raise ValueError(f"{path} holds all pictures out: leave some to train on")
    return {part: split[part] for part in PARTS}
