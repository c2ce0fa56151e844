"""The file beside a folder of masks that names their values or colours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vit_perception.data.label_space import Label, LabelSpace, normal_name, read_label_space
from vit_perception.data.yaml_files import read_yaml
from vit_perception.runtime.results import UNLABELLED

LABEL_FILES = ("labels.yaml", "labels.yml", "labels.txt")
# Names by which datasets mark pixels that nobody labelled.
_NOTHING = {"unlabelled", "unlabeled", "void", "ignore", "ignored", "unknown"}
_LARGEST_VALUE = (1 << 16) - 1
# What a line of the file says: a value or a colour, and a name.
_Key = int | tuple[int, ...]


@dataclass(frozen=True)
class MaskLabels:
    """What is in a mask.

    Attributes:
        space: the labels.
        numbers: value → class id, 255 for those that mean "unlabelled".
        colours: red, green, blue → class id, likewise.
    """

    space: LabelSpace
    numbers: Mapping[int, int]
    colours: Mapping[tuple[int, ...], int]


def read_mask_labels(file: Path) -> MaskLabels:
    """Read a file of labels.

    YAML is a list of names, or a mapping from values or colours (`"128 64 128"`) to names or from names to
    values or colours, or a label space, of which the order, and the colours, count. Text has a line for each
    label: `NAME`, `VALUE NAME` or `RED GREEN BLUE NAME`.

    Raises:
        ValueError: it is not of that form; the message names the file, and the line where it has one.
    """
    try:
        if file.suffix == ".txt":
            return _mask_labels(_of_text(file.read_text(encoding="utf-8")))
        content = read_yaml(file)
        if isinstance(content, dict) and isinstance(content.get("labels"), list):
            return _of_space(read_label_space(file))
        return _mask_labels(_of_yaml(content))
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not text: {error}") from None
    except ValueError as error:
        reason = str(error)
        raise ValueError(reason if reason.startswith(str(file)) else f"{file}: {reason}") from None


def _mask_labels(entries: Iterable[tuple[_Key, str]]) -> MaskLabels:
    named = dict(entries)
    names = dict.fromkeys(name for name in named.values() if name not in _NOTHING)
    # Without boxes, objects are not counted.
    space = LabelSpace(tuple(Label(name, thing=False) for name in names))
    ids = {key: UNLABELLED if name in _NOTHING else space.id_of(name) for key, name in named.items()}
    return MaskLabels(
        space,
        {key: class_id for key, class_id in ids.items() if isinstance(key, int)},
        {key: class_id for key, class_id in ids.items() if isinstance(key, tuple)},
    )


def _of_space(space: LabelSpace) -> MaskLabels:
    colours: dict[tuple[int, ...], int] = {
        label.colour: place for place, label in enumerate(space.labels) if label.colour is not None
    }
    return MaskLabels(space, {class_id: class_id for class_id in range(len(space))}, colours)


def _of_text(text: str) -> Iterator[tuple[_Key, str]]:
    names = 0
    for line, row in enumerate(text.splitlines(), start=1):
        words = row.replace(",", " ").split()
        if not words or words[0].startswith("#"):
            continue
        first = next((place for place, word in enumerate(words) if not word.isdigit()), len(words))
        name = normal_name(" ".join(words[first:]))
        try:
            yield (_key(words[:first]) if first else names), name
        except ValueError as error:
            raise ValueError(f"line {line}: {error}") from None
        if not name:
            raise ValueError(f"line {line}: there is no name")
        names += 1


def _of_yaml(content: Any) -> Iterator[tuple[_Key, str]]:
    if isinstance(content, list):
        content = dict(enumerate(content))
    if not isinstance(content, dict) or not content:
        raise ValueError("give a list of names, or a value or colour for each name")
    for one, other in content.items():
        key, name = (one, other) if isinstance(other, str) and _is_key(one) else (other, one)
        if not _is_key(key) or not isinstance(name, str) or not name.strip():
            raise ValueError(f"{one!r}: {other!r} is not a name with a value or a colour")
        words = key.replace(",", " ").split() if isinstance(key, str) else key
        yield _key(words if isinstance(words, list) else [words]), normal_name(name)


def _is_key(value: object) -> bool:
    if isinstance(value, str):
        return all(word.isdigit() for word in value.replace(",", " ").split())
    return isinstance(value, (int, list)) and not isinstance(value, bool)


def _key(words: list[Any]) -> _Key:
    """A value, or a colour.

    Raises:
        ValueError: it is neither.
    """
    numbers = tuple(int(word) for word in words if isinstance(word, int) or str(word).isdigit())
    if len(numbers) == len(words) == 1 and 0 <= numbers[0] <= _LARGEST_VALUE:
        return numbers[0]
    if len(numbers) == len(words) == 3 and all(0 <= number <= UNLABELLED for number in numbers):
        return numbers
    raise ValueError(f"{' '.join(map(str, words))} is neither a value from 0 to 65535 nor a colour of three")
