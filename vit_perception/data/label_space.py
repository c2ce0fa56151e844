"""Names of classes, and how the labels of several datasets become one list.

A label space is a YAML file (`data/labels/robot.yaml` is the default): each label with the other names that
datasets have for it, the coarse group it belongs to, and what a robot wants to know of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from vit_perception.data.yaml_files import read_yaml

DEFAULT_SPACE = Path(__file__).with_name("labels") / "robot.yaml"
# A mask is uint8, and 255 of its values are left beside "unlabelled".
MAX_LABELS = 255


@dataclass(frozen=True)
class Label:
    """One class.

    Attributes:
        name: in lower case, as `label_info` publishes it.
        aliases: other names of the same class, in other datasets.
        coarse: the group it belongs to, such as `vehicle`; empty: a group of its own.
        colour: red, green, blue in 0..255, for drawing; None: chosen by its place in the list.
        thing: whether its objects can be counted and have boxes; if not, it is stuff, such as grass.
        drivable: whether a wheeled robot can drive on it.

    Raises:
        ValueError: a value is not of this form; the message names it.
    """

    name: str
    aliases: tuple[str, ...] = ()
    coarse: str = ""
    colour: tuple[int, int, int] | None = None
    thing: bool = True
    drivable: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ValueError(f"a label's name is {self.name!r}: give a text")
        object.__setattr__(self, "name", normal_name(self.name))
        if not isinstance(self.aliases, tuple) or not all(isinstance(alias, str) for alias in self.aliases):
            raise ValueError(f"aliases of {self.name} are {self.aliases!r}: give a list of names")
        object.__setattr__(self, "aliases", tuple(map(normal_name, self.aliases)))
        if not isinstance(self.coarse, str):
            raise ValueError(f"coarse of {self.name} is {self.coarse!r}: give the name of a group")
        object.__setattr__(self, "coarse", normal_name(self.coarse) or self.name)
        for flag in ("thing", "drivable"):
            if not isinstance(getattr(self, flag), bool):
                raise ValueError(f"{flag} of {self.name} is {getattr(self, flag)!r}: give true or false")
        if self.colour is not None:
            is_tuple = isinstance(self.colour, tuple) and len(self.colour) == 3
            if not is_tuple or not all(isinstance(value, int) and 0 <= value <= 255 for value in self.colour):
                raise ValueError(
                    f"colour of {self.name} is {self.colour!r}: give three numbers from 0 to 255"
                )


@dataclass(frozen=True)
class LabelSpace:
    """Labels in the order of their class ids.

    Raises:
        ValueError: there is none, there are more than 255, or two share a name or an alias.
    """

    labels: tuple[Label, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.labels) <= MAX_LABELS:
            raise ValueError(f"a label space has {len(self.labels)} labels: give 1 to {MAX_LABELS}")
        seen: dict[str, str] = {}
        for label in self.labels:
            for name in (label.name, *label.aliases):
                if name in seen:
                    raise ValueError(
                        f"{name!r} names both {seen[name]} and {label.name}: give it to one label"
                    )
                seen[name] = label.name

    @classmethod
    def of_names(cls, names: Iterable[str]) -> LabelSpace:
        """Labels without aliases, each a thing and a group of its own."""
        return cls(tuple(Label(name) for name in names))

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        return {
            name: class_id
            for class_id, label in enumerate(self.labels)
            for name in (label.name, *label.aliases)
        }

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """Names by class id."""
        return tuple(label.name for label in self.labels)

    @property
    def things(self) -> tuple[int, ...]:
        """Class ids of what has boxes."""
        return tuple(class_id for class_id, label in enumerate(self.labels) if label.thing)

    @cached_property
    def coarse_names(self) -> tuple[str, ...]:
        """The groups, in the order in which the labels name them."""
        return tuple(dict.fromkeys(label.coarse for label in self.labels))

    @cached_property
    def group_ids(self) -> tuple[int, ...]:
        """The group of each label, by class id: its place in `coarse_names`."""
        return tuple(self.coarse_names.index(label.coarse) for label in self.labels)

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of each label, by class id; empty where every label is a group of its own."""
        return () if self.coarse_names == self.names else tuple(label.coarse for label in self.labels)

    def find(self, name: str) -> int | None:
        """Class id of a name or alias; None if there is no such label."""
        return self._ids.get(normal_name(name))

    def id_of(self, name: str) -> int:
        """Class id of a name or alias.

        Raises:
            ValueError: there is no such label; the message suggests names that are near.
        """
        found = self.find(name)
        if found is None:
            near = difflib.get_close_matches(normal_name(name), self._ids, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(self.names)}"
            raise ValueError(f"no label is named {name!r}: {hint}")
        return found

    def ids_of(self, other: LabelSpace) -> tuple[int | None, ...]:
        """For each label of `other`, the class id here of its name, or of one of its aliases; else None."""
        return tuple(
            next(
                (found for name in (label.name, *label.aliases) if (found := self.find(name)) is not None),
                None,
            )
            for label in other.labels
        )


def normal_name(name: str) -> str:
    """`Traffic_Light ` → `traffic light`: lower case, single spaces."""
    return " ".join(name.replace("_", " ").lower().split())


def read_label_space(path: Path = DEFAULT_SPACE) -> LabelSpace:
    """The label space in a YAML file: `labels`, a list of names or of mappings with the fields of `Label`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not YAML, or a label is wrong; the message names the file and the label.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no label space at {path}: give a YAML file with a list of labels")
    content = read_yaml(path)
    if not isinstance(content, dict) or not isinstance(content.get("labels"), list):
        raise ValueError(f"{path} lacks a list called labels")
    try:
        return LabelSpace(tuple(_label(entry) for entry in content["labels"]))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def label_space_as_yaml(space: LabelSpace) -> dict[str, Any]:
    """What `read_label_space` reads, fields at their defaults left out."""
    entries: list[dict[str, Any]] = []
    for label in space.labels:
        entry: dict[str, Any] = {"name": label.name}
        if label.aliases:
            entry["aliases"] = list(label.aliases)
        if label.coarse != label.name:
            entry["coarse"] = label.coarse
        if label.colour is not None:
            entry["colour"] = list(label.colour)
        if not label.thing:
            entry["thing"] = False
        if label.drivable:
            entry["drivable"] = True
        entries.append(entry)
    return {"labels": entries}


def _label(entry: object) -> Label:
    if isinstance(entry, str):
        return Label(entry)
    if not isinstance(entry, dict) or "name" not in entry:
        raise ValueError(f"a label is {entry!r}: give a name, or a mapping with a name")
    known = [field.name for field in fields(Label)]
    if unknown := sorted(map(str, entry.keys() - set(known))):
        raise ValueError(
            f"label {entry['name']} has unknown fields {', '.join(unknown)}: there are {', '.join(known)}"
        )
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
        for name, value in entry.items()
    }
    return Label(**values)
