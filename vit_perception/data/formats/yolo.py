"""YOLO folders, as Ultralytics reads them: `data.yaml`, `images/`, `labels/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from vit_perception.data.dataset import Fault
from vit_perception.data.formats.base import (
    PictureDataset,
    list_files,
    list_pictures,
    numbers_by_part,
    without_suffix,
)
from vit_perception.data.formats.reading import RawLabels, Report
from vit_perception.data.formats.yolo_rows import read_rows
from vit_perception.data.label_space import LabelSpace
from vit_perception.data.names import Names
from vit_perception.data.yaml_files import read_yaml

_PARTS = {"train": None, "val": "val", "valid": "val", "test": "test"}
_SETTINGS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")


class YoloDataset(PictureDataset):
    """Pictures with label files of YOLO: boxes, or polygons.

    A picture without a label file has no objects. `val` and `test` of `data.yaml` are held-out parts.

    Args:
        folder: with `data.yaml`.

    Raises:
        ValueError: `data.yaml` is wrong, or there is no label file at all.
    """

    format = "yolo"

    def __init__(self, folder: Path) -> None:
        self._settings = _settings_file(folder)
        content = _read_settings(self._settings)
        self._class_of, space = _classes(content, self._settings)
        parts: dict[str, str | None] = {}
        self._overlaps: list[str] = []
        for key, part in _PARTS.items():
            for picture in _pictures(content, key, folder, self._settings):
                if parts.setdefault(picture, part) != part:
                    self._overlaps.append(picture)
        pictures = sorted(parts)
        self._labelled = any((folder / _label_file(picture)).is_file() for picture in pictures)
        if pictures and not self._labelled:
            raise ValueError(
                f"no picture of {folder} has a label file, such as {folder / _label_file(pictures[0])}: "
                "without any, this is not a YOLO dataset"
            )
        super().__init__(
            folder,
            space,
            pictures=Names(pictures),
            names=Names(_names(pictures)),
            box_labels=range(len(space)),
            mask_labels=range(len(space)) if _has_polygons(folder, pictures) else (),
            parts=numbers_by_part(parts[picture] for picture in pictures),
        )

    @staticmethod
    def recognises(folder: Path) -> bool:
        return _settings_file(folder).is_file()

    def file_faults(self) -> Iterator[Fault]:
        yield from super().file_faults()
        for picture in self._overlaps:
            reason = f"{picture} is in two of train, val and test: leave it in one"
            yield Fault(self._settings, None, reason)
        with_picture = {_label_file(picture) for picture in self._pictures}
        for folder in sorted({str(PurePosixPath(file).parent) for file in with_picture}):
            for file in list_files(self.folder / folder, (".txt",)):
                path = PurePosixPath(folder, file)
                if str(path) not in with_picture and path.name != "classes.txt":
                    reason = "no picture belongs to these labels: add it, or delete the file"
                    yield Fault(self.folder / path, None, reason)

    def _labels(self, index: int, size: tuple[int, int], report: Report) -> RawLabels:
        return read_rows(self.folder / _label_file(self._pictures[index]), self._class_of.get, size, report)


def _settings_file(folder: Path) -> Path:
    """The YAML file of a dataset, recognised by its `names`; `data.yaml` if there is none."""
    for name in _SETTINGS:
        file = folder / name
        try:
            if file.is_file() and any(
                line.startswith("names") for line in file.read_text(encoding="utf-8").splitlines()
            ):
                return file
        except UnicodeDecodeError:
            continue
    return folder / "data.yaml"


def _read_settings(file: Path) -> dict[str, Any]:
    content = read_yaml(file)
    if not isinstance(content, dict):
        raise ValueError(f"{file} has no settings: give names, train and val")
    return content


def _classes(content: dict[str, Any], file: Path) -> tuple[dict[int, int], LabelSpace]:
    """Numbers in label files → class ids, and the labels."""
    names = content.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise ValueError(f"{file} lacks names: give a list of names, or a number for each name")
    if not all(isinstance(number, int) and isinstance(name, (str, int)) for number, name in names.items()):
        raise ValueError(f"{file} has names that are not texts, or numbers that are not whole: correct names")
    try:
        space = LabelSpace.of_names(str(names[number]) for number in sorted(names))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    return {number: class_id for class_id, number in enumerate(sorted(names))}, space


def _pictures(content: dict[str, Any], key: str, folder: Path, file: Path) -> Iterator[str]:
    """Paths below `folder`, or absolute ones, of the pictures under a key."""
    entries = content.get(key) or []
    for entry in entries if isinstance(entries, list) else [entries]:
        place = _find(str(entry), str(content.get("path") or ""), folder)
        if place is None:
            raise ValueError(
                f"{file}: {key} is {entry}, which does not exist below {folder}: correct the path"
            )
        if place.is_dir():
            found = [place / picture for picture in list_pictures(place)]
        else:
            lines = place.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            found = [_listed(line.strip(), place, folder) for line in lines if line.strip()]
        for picture in found:
            yield (picture.relative_to(folder) if picture.is_relative_to(folder) else picture).as_posix()


def _find(entry: str, root: str, folder: Path) -> Path | None:
    """The folder or list that `entry` names. Exports often have a root that was valid elsewhere, or one `..`
    too many, which Ultralytics overlooks."""
    for base in (folder / root, folder):
        for path in (entry, entry.removeprefix("../")):
            if (base / path).exists():
                return base / path
    return None


def _listed(line: str, file: Path, folder: Path) -> Path:
    """A picture in a list, whose paths are relative to the list or to the dataset."""
    beside = file.parent / line
    return beside if line.startswith("./") or beside.is_file() else folder / line


def _label_file(picture: str) -> str:
    """`images/a.jpg` → `labels/a.txt`: the last folder `images` is replaced."""
    parts = list(PurePosixPath(picture).parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return str(PurePosixPath(*parts).with_suffix(".txt"))


def _has_polygons(folder: Path, pictures: list[str]) -> bool:
    """Whether the first objects found are polygons: a dataset has one kind."""
    for picture in pictures:
        file = folder / _label_file(picture)
        if file.is_file() and (rows := file.read_bytes().split(b"\n", 1)[0].split()):
            return len(rows) > 6
    return False


def _names(pictures: list[str]) -> Iterator[str]:
    """Paths without ending and without the folder `images`."""
    for picture in pictures:
        parts = [part for part in PurePosixPath(without_suffix(picture)).parts if part not in ("images", "/")]
        yield "/".join(parts)
