"""Writes a dataset of our format, picture by picture; after a kill it goes on where it was."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.coco_export import INSTANCES, PANOPTIC, write_coco
from vit_perception.data.dense_file import DENSE, write_dense
from vit_perception.data.formats.reading import is_upright, picture_size
from vit_perception.data.formats.suite import DEPTH, IMAGES, SuiteDataset
from vit_perception.data.journal import JOURNAL, Journal, write_journal
from vit_perception.data.manifest import MANIFEST, Manifest, read_manifest, write_manifest
from vit_perception.data.navigation_file import as_record, write_navigation
from vit_perception.data.records import boxes_of_any_class, check_annotation, objects_of, segments_of
from vit_perception.data.splits import write_splits
from vit_perception.runtime.whole_file import write_image, write_whole
from vit_perception.viz.pictures import read_picture

_QUALITY = 95
_LARGEST_DEPTH = 65.535  # metres, in 16 bits of millimetres


class DatasetWriter:
    """A dataset that grows. While it is open, a journal has a line for each picture; `close` makes the COCO
    files of it. Opened again, closed or not, it goes on.

    A context manager: it closes the dataset if there was no error, and else leaves the journal.

    Args:
        folder: a new or empty one, or one with a dataset of the same labels.
        manifest: what is the same for all pictures.

    Raises:
        ValueError: the folder holds something else, or a dataset of other labels; or another process
            writes it.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        _check_folder(folder, manifest)
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(folder, manifest)
        journal = folder / JOURNAL
        if not journal.is_file() and (folder / INSTANCES).is_file():
            finished = SuiteDataset(folder)
            write_journal(journal, map(finished.record, range(len(finished))))
        self._journal = Journal(journal)

    def __contains__(self, name: str) -> bool:
        """Whether a picture of this name is done."""
        return name in self._journal

    def __len__(self) -> int:
        """How many pictures are done."""
        return len(self._journal)

    def add(
        self, name: str, picture: np.ndarray | Path, annotation: Annotation, part: str | None = None
    ) -> None:
        """Add a picture with its labels.

        Args:
            name: that no other picture has; with `/` in it, it is in a folder below `images/`.
            picture: (H, W, 3) uint8 RGB, stored as JPEG; or a file, which is copied as it is.
            annotation: in the labels of the dataset.
            part: the held-out part that it belongs to; None: it is for training.

        Raises:
            ValueError: the name is taken or is not one, a class id or a size is wrong, or the file is not a
                picture.
            OSError: the file is missing, or nothing can be written.
        """
        if name in self._journal:
            raise ValueError(f"a picture named {name} is in {self.folder} already: give it another name")
        _check_name(name)
        if isinstance(picture, Path) and not is_upright(picture):
            # Other tools differ in whether they turn a picture as its file says.
            picture = read_picture(picture)
        size = picture_size(picture) if isinstance(picture, Path) else picture.shape[:2]
        check_annotation(annotation, self.manifest.space, (size[0], size[1]))
        record: dict[str, Any] = {
            "name": name,
            "file_name": self._write_picture(name, picture),
            "height": size[0],
            "width": size[1],
            "annotations": objects_of(annotation),
            "ignored_boxes": boxes_of_any_class(annotation),
            "segments_info": self._write_mask(name, annotation),
            "navigation": None if annotation.navigation is None else as_record(annotation.navigation),
            "part": part,
        }
        if annotation.depth is not None:
            write_image(self.folder / DEPTH / f"{name}.png", _millimetres(annotation.depth))
        if annotation.dense is not None:
            write_dense(self.folder / DENSE / f"{name}.npz", annotation.dense)
        self._journal.append(record)

    def close(self) -> None:
        """Make the COCO files, `navigation.jsonl` and `splits.yaml` of the journal, and remove it."""
        parts: dict[str, list[str]] = {}
        for record in self._journal.records():
            if record["part"] is not None:
                parts.setdefault(record["part"], []).append(record["name"])
        write_splits(self.folder, dict(sorted(parts.items())))
        write_navigation(self.folder, self._journal.records())
        write_coco(self.folder, self.manifest, self._journal.records)
        (self.folder / JOURNAL).unlink()
        self._journal.close()

    def _write_picture(self, name: str, picture: np.ndarray | Path) -> str:
        if isinstance(picture, Path):
            file = f"{name}{picture.suffix.lower()}"
            write_whole(self.folder / IMAGES / file, picture.read_bytes())
        else:
            file = f"{name}.jpg"
            pixels = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
            write_image(self.folder / IMAGES / file, pixels, _QUALITY)
        return file

    def _write_mask(self, name: str, annotation: Annotation) -> list[dict[str, Any]] | None:
        if annotation.semantic is None:
            return None
        ids, infos = segments_of(annotation, self.manifest.space)
        # Red holds the lowest byte of an id. OpenCV writes blue first.
        colours = np.stack([ids >> 16 & 255, ids >> 8 & 255, ids & 255], axis=-1).astype(np.uint8)
        write_image(self.folder / PANOPTIC / f"{name}.png", colours)
        return infos

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._journal.close()


def _check_folder(folder: Path, manifest: Manifest) -> None:
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: give a folder")
    if (folder / MANIFEST).is_file():
        there = read_manifest(folder)
        same = all(
            getattr(there, field) == getattr(manifest, field)
            for field in ("space", "box_labels", "mask_labels")
        )
        if not same:
            raise ValueError(f"{folder} holds a dataset of other labels: give another folder")
    elif folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty, and holds no dataset to go on with: give another folder")


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    if not name or str(path) != name or path.is_absolute() or ".." in path.parts or not name.isprintable():
        raise ValueError(f"{name!r} is not a name for a picture: give one such as kitchen/000001")


def _millimetres(depth: np.ndarray) -> np.ndarray:
    """(H, W) uint16; 0 where depth is unknown or beyond what 16 bits hold."""
    known = np.isfinite(depth) & (depth > 0) & (depth <= _LARGEST_DEPTH)
    return np.where(known, np.round(np.where(known, depth, 0) * 1000), 0).astype(np.uint16)
