"""Datasets, made ready to be packed: labels scaled and on disk, and what each picture costs."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.coco_export import PANOPTIC
from vit_perception.data.formats.base import PictureDataset
from vit_perception.data.formats.reading import is_upright, picture_size
from vit_perception.data.formats.suite import DEPTH, IMAGES, SuiteDataset
from vit_perception.data.joined import JoinedDataset
from vit_perception.data.label_space import LabelSpace
from vit_perception.data.manifest import Manifest
from vit_perception.data.packs.carried import Carried
from vit_perception.data.packs.plan import QUALITIES, Costs, groups_of
from vit_perception.data.packs.scale import scaled_annotation, scaled_picture, scaled_size
from vit_perception.data.writer import DatasetWriter
from vit_perception.runtime.results import UNLABELLED
from vit_perception.runtime.whole_file import write_whole

_JPEG = (".jpg", ".jpeg")
# Of the files that a writer makes of labels.
_ENDINGS = (".png", ".npz")
# A JPEG is encoded again if less than this share of its bytes remains.
_WORTH = 0.9
# Of an entry in a zip beside its content: two headers, and its name in each.
_HEADERS = 76
_END = 22


class Staged:
    """Datasets joined, with their labels scaled and written into a folder. Pictures stay where they are.

    Args:
        datasets: of any format.
        space: labels of the result. A class is labelled there if all datasets label it.
        side: most pixels of the long side of a picture.
        folder: an empty one; it must stay while the packs are written.
        done: called with 1 after each picture.

    Attributes:
        folder: as given.
        manifest: of the packs.
        names: of the pictures.
        groups: see `groups_of`.
        costs: of the pictures, in bytes.
        shared: bytes of what is in every pack beside pictures.
        carried: files that are copied as they are.

    Raises:
        ValueError, OSError: a picture or its labels cannot be read.
    """

    def __init__(
        self,
        datasets: Sequence[PictureDataset],
        space: LabelSpace,
        side: int,
        folder: Path,
        done: Callable[[int], object],
    ) -> None:
        self.folder = folder
        self._side = side
        self._pictures = JoinedDataset(datasets, space)
        self.names = [self._pictures.name(index) for index in range(len(self._pictures))]
        self.manifest = _manifest(datasets, self._pictures)
        part_of = {int(one): part for part, members in self._pictures.parts.items() for one in members}
        parts = [part_of.get(index, "") for index in range(len(self.names))]
        classes: list[frozenset[int]] = []
        sizes = np.zeros((len(self.names), len(QUALITIES)), np.int64)
        self._writer = _LabelWriter(folder, self.manifest)
        for index, name in enumerate(self.names):
            picture, annotation = self._scaled(index)
            self._writer.add(name, picture, annotation, parts[index] or None)
            classes.append(_classes(annotation))
            sizes[index] = self._sizes(index, picture)
            done(1)
        self._kinds = sorted(path.name for path in folder.iterdir() if path.is_dir())
        self.carried = _carried(datasets, space, self.names, self._kinds)
        self.groups = groups_of(parts, classes)
        self.costs = Costs(sizes, self._others())
        self.shared = _END + sum(
            len(zlib.compress(path.read_bytes())) + _HEADERS + 2 * len(name.encode())
            for name, path in self.carried.shared.items()
        )

    def records(self) -> Iterator[dict[str, Any]]:
        """The records of all pictures, sorted by name; see `DatasetWriter`."""
        return self._writer.records()

    def close(self) -> None:
        """Let go of the folder."""
        self._writer.close()

    def files(self, name: str) -> dict[str, Path]:
        """Files of a picture beside its pixels, by their paths in the pack."""
        own = [
            file
            for kind in self._kinds
            for ending in _ENDINGS
            if (file := self.folder / kind / f"{name}{ending}").is_file()
        ]
        written = {file.relative_to(self.folder).as_posix(): file for file in own}
        return written | self.carried.of_pictures.get(name, {})

    def jpeg(self, index: int, quality: int) -> bytes:
        """A picture as it is in the pack: encoded, or its own file where that is a JPEG about as small."""
        picture = self._pictures.picture(index)
        picture = scaled_picture(picture, scaled_size(_size(picture), self._side))
        original, encoded = self._original(index, _size(picture)), _encode(picture, quality)
        return original if original is not None and _serves(original, encoded) else encoded

    def _sizes(self, index: int, picture: np.ndarray) -> list[int]:
        """Bytes of what `jpeg` gives at each quality."""
        original = self._original(index, _size(picture))
        found = []
        for quality in QUALITIES:
            encoded = _encode(picture, quality)
            found.append(len(original if original is not None and _serves(original, encoded) else encoded))
        return found

    def _original(self, index: int, size: tuple[int, int]) -> bytes | None:
        """The file of a picture if it is a JPEG of this size."""
        file = self._pictures.picture_file(index)
        if file is None or file.suffix.lower() not in _JPEG:
            return None
        return file.read_bytes() if is_upright(file) and picture_size(file) == size else None

    def _scaled(self, index: int) -> tuple[np.ndarray, Annotation]:
        picture = self._pictures.picture(index)
        before = _size(picture)
        after = scaled_size(before, self._side)
        annotation = scaled_annotation(self._pictures.annotation(index), before, after)
        return scaled_picture(picture, after), annotation

    def _others(self) -> np.ndarray:
        """(N,) bytes of what each picture has beside its pixels. The COCO files are compressed as a whole,
        so a picture's share of them is an estimate."""
        lengths: dict[str, int] = {}
        compressor, compressed = zlib.compressobj(), 0
        for record in self.records():
            line = json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogateescape")
            lengths[record["name"]] = len(line)
            compressed += len(compressor.compress(line))
        ratio = (compressed + len(compressor.flush())) / sum(lengths.values())
        found = []
        for name in self.names:
            files = self.files(name)
            size = sum(path.stat().st_size for path in files.values())
            entries = sum(_HEADERS + 2 * len(path.encode()) for path in (f"{IMAGES}/{name}.jpg", *files))
            found.append(round(lengths[name] * ratio) + size + entries)
        return np.array(found, np.int64)


class _LabelWriter(DatasetWriter):
    """Writes labels and their journal. The pictures follow when their quality is known."""

    def _write_picture(self, name: str, picture: np.ndarray | Path) -> str:
        return f"{name}.jpg"

    def add(
        self, name: str, picture: np.ndarray | Path, annotation: Annotation, part: str | None = None
    ) -> None:
        super().add(name, picture, annotation, part)
        for top in (PANOPTIC, DEPTH):
            _shrink(self.folder / top / f"{name}.png")

    def records(self) -> Iterator[dict[str, Any]]:
        """Of all pictures so far, sorted by name."""
        return self._journal.records()

    def close(self) -> None:
        """Without COCO files: each pack has its own."""
        self._journal.close()


def _shrink(png: Path) -> None:
    """Compress a PNG as far as zlib can. OpenCV's default is quick, and twice as large."""
    if png.is_file():
        pixels = cv2.imread(str(png), cv2.IMREAD_UNCHANGED)
        assert pixels is not None  # just written
        options = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT]
        write_whole(png, cv2.imencode(".png", pixels, options)[1].tobytes())


def _serves(original: bytes, encoded: bytes) -> bool:
    """Whether encoding a picture again saves too little for what it costs in quality."""
    return len(original) * _WORTH <= len(encoded)


def _encode(picture: np.ndarray, quality: int) -> bytes:
    pixels = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def _size(picture: np.ndarray) -> tuple[int, int]:
    return picture.shape[0], picture.shape[1]


def _classes(annotation: Annotation) -> frozenset[int]:
    """Class ids of the objects and pixels of a picture."""
    found = set(annotation.class_ids.tolist())
    if annotation.semantic is not None:
        found |= set(np.unique(annotation.semantic).tolist()) - {UNLABELLED}
    return frozenset(found)


def _manifest(datasets: Sequence[PictureDataset], pictures: JoinedDataset) -> Manifest:
    """What all datasets know. Of a dataset of ours, texts are kept."""
    firsts = np.cumsum([0, *map(len, datasets)])[:-1].tolist()
    manifests = [dataset.manifest for dataset in datasets if isinstance(dataset, SuiteDataset)]
    texts = {
        text: "; ".join(dict.fromkeys(filter(None, (getattr(one, text) for one in manifests))))
        for text in ("name", "description", "licence", "source")
    }
    boxes, masks = (
        np.logical_and.reduce([known(first) for first in firsts])
        for known in (pictures.known_boxes, pictures.known_mask)
    )
    return Manifest(
        pictures.space,
        frozenset(np.flatnonzero(boxes).tolist()),
        frozenset(np.flatnonzero(masks).tolist()),
        **texts,
    )


def _carried(
    datasets: Sequence[PictureDataset], space: LabelSpace, names: Sequence[str], written: Sequence[str]
) -> Carried:
    """Files that hold class ids would be wrong with other labels, so only those of this space are kept.

    Args:
        datasets: as given.
        space: as given.
        names: of all pictures.
        written: folders that the writer made; their files are labels, not to be carried as they are.
    """
    carried, first = Carried(frozenset(written)), 0
    for dataset in datasets:
        if isinstance(dataset, SuiteDataset) and dataset.space == space:
            own = [dataset.name(index) for index in range(len(dataset))]
            carried.add(dataset, dict(zip(own, names[first : first + len(own)], strict=True)))
        first += len(dataset)
    return carried
