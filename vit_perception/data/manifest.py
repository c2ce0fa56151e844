"""`dataset.yaml`: what a dataset of our format is called, where it comes from, and what is labelled in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vit_perception.data.label_space import LabelSpace, label_space_as_yaml, read_label_space
from vit_perception.data.yaml_files import read_yaml
from vit_perception.runtime.whole_file import write_whole

MANIFEST = "dataset.yaml"
_TEXTS = ("name", "description", "licence", "source")
_KNOWN = ("box_labels", "mask_labels")


@dataclass(frozen=True)
class Manifest:
    """What is the same for all pictures of a dataset.

    Attributes:
        space: its labels.
        box_labels: class ids that are boxed in every picture.
        mask_labels: class ids that the masks know.
        name: for people.
        description: in a sentence.
        licence: of pictures and labels.
        source: where they come from.

    Raises:
        ValueError: a class id is not one of the space's.
    """

    space: LabelSpace
    box_labels: frozenset[int]
    mask_labels: frozenset[int]
    name: str = ""
    description: str = ""
    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        for field in _KNOWN:
            ids = frozenset(getattr(self, field))
            object.__setattr__(self, field, ids)
            if not ids <= set(range(len(self.space))):
                raise ValueError(
                    f"{field} has class ids that are not 0 to {len(self.space) - 1}: {sorted(ids)}"
                )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `dataset.yaml`."""
    content: dict[str, Any] = {field: getattr(manifest, field) for field in _TEXTS}
    content |= label_space_as_yaml(manifest.space)
    for field in _KNOWN:
        content[field] = [manifest.space.names[class_id] for class_id in sorted(getattr(manifest, field))]
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    write_whole(folder / MANIFEST, text.encode())


def read_manifest(folder: Path) -> Manifest:
    """Read `dataset.yaml`.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is wrong; the message names the file.
    """
    path = folder / MANIFEST
    space = read_label_space(path)
    content = read_yaml(path)
    texts = {field: str(content.get(field) or "") for field in _TEXTS}
    boxes, masks = (_class_ids(content, field, space, path) for field in _KNOWN)
    return Manifest(space, boxes, masks, **texts)


def _class_ids(content: dict[str, Any], field: str, space: LabelSpace, path: Path) -> frozenset[int]:
    names = content.get(field)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path} lacks {field}: give a list of names of labels, empty if none is labelled")
    try:
        return frozenset(space.id_of(name) for name in names)
    except ValueError as error:
        raise ValueError(f"{path}: {field}: {error}") from None
