"""The COCO files of a dataset, written picture by picture. Each entry is on a line of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from vit_perception.data.manifest import Manifest
from vit_perception.data.records import FIRST_CATEGORY
from vit_perception.runtime.whole_file import whole_file

INSTANCES = "instances.json"
PANOPTIC = "panoptic"
PANOPTIC_FILE = "panoptic.json"

_Records = Callable[[], Iterator[dict[str, Any]]]


def write_coco(folder: Path, manifest: Manifest, records: _Records) -> None:
    """Write `instances.json`, and `panoptic.json` if a picture has a mask.

    Args:
        folder: of the dataset.
        manifest: of the dataset.
        records: gives the records of all pictures, in the same order each time.
    """
    with whole_file(folder / INSTANCES) as file:
        _write(file, manifest, map(_image, _numbered(records)), _objects(records))
    if any(record["segments_info"] is not None for record in records()):
        with whole_file(folder / PANOPTIC_FILE) as file:
            masked = (pair for pair in _numbered(records) if pair[1]["segments_info"] is not None)
            _write(file, manifest, map(_image, masked), _panoptic(records))
    else:
        (folder / PANOPTIC_FILE).unlink(missing_ok=True)


def _write(
    file: IO[bytes],
    manifest: Manifest,
    images: Iterable[dict[str, Any]],
    annotations: Iterable[dict[str, Any]],
) -> None:
    info = {"description": manifest.description or manifest.name, "url": manifest.source}
    licences = [{"id": 1, "name": manifest.licence, "url": ""}] if manifest.licence else []
    categories = (
        {
            "id": class_id + FIRST_CATEGORY,
            "name": label.name,
            "supercategory": label.coarse,
            "isthing": int(label.thing),
            "color": list(label.colour or _grey(class_id)),
        }
        for class_id, label in enumerate(manifest.space.labels)
    )
    file.write(b'{"info": ' + _json(info))
    for key, entries in (
        ("licenses", licences),
        ("categories", categories),
        ("images", images),
        ("annotations", annotations),
    ):
        file.write(f',\n"{key}": ['.encode())
        for place, entry in enumerate(entries):
            file.write((b",\n" if place else b"\n") + _json(entry))
        file.write(b"\n]")
    file.write(b"}\n")


def _numbered(records: _Records) -> Iterator[tuple[int, dict[str, Any]]]:
    return enumerate(records(), start=1)


def _image(pair: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    identity, record = pair
    entry = {"id": identity, **{key: record[key] for key in ("file_name", "height", "width")}}
    if record["ignored_boxes"]:
        entry["ignored_boxes"] = record["ignored_boxes"]
    return entry


def _objects(records: _Records) -> Iterator[dict[str, Any]]:
    identity = 0
    for image, record in _numbered(records):
        for entry in record["annotations"]:
            identity += 1
            yield {"id": identity, "image_id": image, **entry}


def _panoptic(records: _Records) -> Iterator[dict[str, Any]]:
    for image, record in _numbered(records):
        if record["segments_info"] is not None:
            file = f"{record['name']}.png"
            yield {"image_id": image, "file_name": file, "segments_info": record["segments_info"]}


def _grey(class_id: int) -> tuple[int, int, int]:
    """A colour for panopticapi's drawings, where the label has none; no two are the same."""
    return class_id, class_id, class_id


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
