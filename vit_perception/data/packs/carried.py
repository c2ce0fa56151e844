"""Files of a dataset that this package does not read, such as targets for a training of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from vit_perception.data.coco_export import INSTANCES, PANOPTIC, PANOPTIC_FILE
from vit_perception.data.formats.suite import DEPTH, IMAGES, SuiteDataset
from vit_perception.data.manifest import MANIFEST
from vit_perception.data.navigation_file import NAVIGATION
from vit_perception.data.splits import SPLITS

# What a pack has of its own; and a list of pictures that are not in the dataset.
_OWN = {INSTANCES, PANOPTIC, PANOPTIC_FILE, DEPTH, IMAGES, MANIFEST, NAVIGATION, SPLITS, "skipped.txt"}


@dataclass
class Carried:
    """Files to be carried along, by their paths in the pack.

    Attributes:
        left: folders of a dataset that are not carried.
        shared: of the whole dataset; they are in every slice.
        of_pictures: of single pictures, by the name of the picture in the pack.
    """

    left: frozenset[str] = frozenset()
    shared: dict[str, Path] = field(default_factory=dict)
    of_pictures: dict[str, dict[str, Path]] = field(default_factory=dict)

    def add(self, dataset: SuiteDataset, names: Mapping[str, str]) -> None:
        """Find the files of a dataset.

        A file `FOLDER/NAME.*` belongs to the picture of that name. In the pack it has the name that the
        picture has there.

        Args:
            dataset: of our format.
            names: of its pictures, and what they are called in the pack.

        Raises:
            ValueError: another dataset has a file of the same path and another content.
        """
        for path in _files(dataset.folder, _OWN | self.left):
            top, below = path.parts[0], PurePosixPath(*path.parts[1:])
            name, ending = _name_of(str(below), names)
            if name is not None:
                self.of_pictures.setdefault(names[name], {})[f"{top}/{names[name]}{ending}"] = (
                    dataset.folder / path
                )
                continue
            other = self.shared.setdefault(str(path), dataset.folder / path)
            if other.read_bytes() != (dataset.folder / path).read_bytes() and len(path.parts) > 1:
                raise ValueError(f"{other} and {dataset.folder / path} differ: pack these datasets singly")


def _files(folder: Path, left: Collection[str]) -> Iterator[PurePosixPath]:
    for top in sorted(folder.iterdir()):
        if top.name in left or top.name.startswith("."):
            continue
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if file.is_file() and not file.name.startswith("."):
                yield PurePosixPath(file.relative_to(folder).as_posix())


def _name_of(path: str, names: Mapping[str, str]) -> tuple[str | None, str]:
    """The picture that a file belongs to, and the rest of its name: `a.b.npz` → `a.b`, `.npz`."""
    name = path
    while "." in name:
        name = name[: name.rindex(".")]
        if name in names:
            return name, path[len(name) :]
    return None, ""
