"""From a source of pictures and teachers to a dataset on disk, in steps that a kill cannot damage."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vit_perception.data.labelling.labeller import Labeller, LabellerSource
from vit_perception.data.labelling.on_ray import label_on_ray
from vit_perception.data.labelling.sources import Source
from vit_perception.data.labelling.work import label_here, label_on_cores
from vit_perception.data.manifest import Manifest
from vit_perception.data.writer import DatasetWriter
from vit_perception.runtime.whole_file import write_whole

# In the dataset: how it was labelled, and the pictures that could not be, with the reason.
RECORD_FILE = "labelling.yaml"
SKIPPED_FILE = "skipped.txt"


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        labelled: pictures.
        before: pictures that an earlier run had labelled.
        skipped: picture → why it was not labelled.
    """

    labelled: int = 0
    before: int = 0
    skipped: dict[str, str] = field(default_factory=dict)


def label(
    pictures: Source,
    source: LabellerSource,
    folder: Path,
    workers: int | None = None,
    ray: str | None = None,
    progress: Callable[[int], object] = lambda count: None,
    start: Callable[[Labeller, int], object] = lambda labeller, before: None,
) -> Outcome:
    """Label pictures into a dataset of ours; go on where an earlier run was ended.

    The files are the same whatever the number of workers, and however often the run was ended.

    Args:
        pictures: to be labelled.
        source: of the labeller.
        folder: of the dataset; a new one, or of an earlier run with the same teachers and configuration.
        workers: processes, or Ray's actors; None: one for each core.
        ray: address of a Ray cluster, see `label_on_ray`; None: this machine alone.
        progress: called with 1 after each picture.
        start: called once, with the labeller and how many pictures an earlier run had labelled.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: a teacher cannot be used, or the folder holds something
            else.
        OSError: the dataset cannot be written.
    """
    labeller = source.load()  # here first, for its errors and its labels
    record = _record(source)
    _check_record(folder, record)
    manifest = Manifest(
        source.space,
        labeller.box_labels,
        labeller.mask_labels,
        name=folder.resolve().name,
        description=f"Labelled by {', '.join(teacher['name'] for teacher in record['teachers'])}.",
    )
    outcome = Outcome()
    with DatasetWriter(folder, manifest) as writer:
        outcome.before = len(writer)
        _write_record(folder, record, new=not outcome.before)
        start(labeller, outcome.before)
        items = pictures.items(writer)
        count = workers or len(os.sched_getaffinity(0))
        if ray is not None:
            results = label_on_ray(source, items, ray, workers)
        elif count > 1:
            results = label_on_cores(source, items, count)
        else:
            results = label_here(labeller, items)
        del labeller  # other processes have their own: this one needs no memory for it
        for item, result in results:
            if isinstance(result, str):
                outcome.skipped[item.name] = result
            else:
                try:
                    writer.add(item.name, item.picture, result, item.part)
                    outcome.labelled += 1
                except ValueError as error:  # a picture that OpenCV reads, and other tools may not
                    outcome.skipped[item.name] = str(error)
            progress(1)
    _write_skipped(outcome.skipped, folder)
    return outcome


def _record(source: LabellerSource) -> dict[str, Any]:
    """How the dataset is labelled."""
    teachers = []
    for teacher in source.teachers:
        of_file = teacher.contract
        entry = {"name": teacher.path.stem if of_file else teacher.path.name, "sha256": teacher.digest}
        if of_file:
            entry |= {"source": of_file.source, "licence": of_file.licence}
        teachers.append(entry)
    return {"teachers": teachers, "config": source.config.as_yaml()}


def _check_record(folder: Path, record: dict[str, Any]) -> None:
    """Refuse a dataset that was labelled in another way."""
    file = folder / RECORD_FILE
    if file.is_file() and yaml.safe_load(file.read_text(encoding="utf-8")) != record:
        raise ValueError(
            f"{folder} was labelled by other teachers or with another configuration, see {file}: "
            "give the same, or another --output"
        )


def _write_record(folder: Path, record: dict[str, Any], new: bool) -> None:
    """Write down how the dataset is labelled, before its first picture."""
    file = folder / RECORD_FILE
    if file.is_file():
        return
    if not new:
        raise ValueError(f"{folder} holds a dataset that label did not write: give another --output")
    write_whole(file, yaml.safe_dump(record, sort_keys=False, allow_unicode=True).encode())


def _write_skipped(skipped: dict[str, str], folder: Path) -> None:
    file = folder / SKIPPED_FILE
    if skipped:
        file.write_text("".join(f"{name}: {reason}\n" for name, reason in skipped.items()), encoding="utf-8")
    else:
        file.unlink(missing_ok=True)
