"""Any dataset, written in our format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from vit_perception.data.formats.base import PictureDataset
from vit_perception.data.joined import JoinedDataset
from vit_perception.data.label_space import LabelSpace
from vit_perception.data.manifest import Manifest
from vit_perception.data.writer import DatasetWriter


def convert(
    dataset: PictureDataset, output: Path, space: LabelSpace | None, done: Callable[[], object]
) -> None:
    """Write a dataset in our format. If it was interrupted, it goes on where it was.

    Args:
        dataset: of any format.
        output: folder of the new dataset.
        space: its labels; None: those of the dataset.
        done: called after each picture.

    Raises:
        ValueError: a picture or its labels are wrong, or the folder holds something else.
        OSError: a picture is missing, or nothing can be written.
    """
    joined = JoinedDataset([dataset], space or dataset.space)
    manifest = Manifest(
        joined.space,
        frozenset(np.flatnonzero(joined.known_boxes(0)).tolist()),
        frozenset(np.flatnonzero(joined.known_mask(0)).tolist()),
        name=dataset.folder.resolve().name,
        description=f"Converted from the format {dataset.format}.",
        source=dataset.folder.resolve().name,
    )
    part_of = {int(number): part for part, numbers in joined.parts.items() for number in numbers}
    with DatasetWriter(output, manifest) as writer:
        for index in range(len(joined)):
            name = joined.name(index)
            if name not in writer:
                picture = joined.picture_file(index) or joined.picture(index)
                writer.add(name, picture, joined.annotation(index), part_of.get(index))
            done()
