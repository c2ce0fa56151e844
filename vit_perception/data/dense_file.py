"""Dense labels of a picture as a file: `dense/<name>.npz`, about 22 bytes a cell before compression."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.data.dense import NO_CLASS, TOP_CLASSES, Dense
from vit_perception.runtime.whole_file import whole_file

DENSE = "dense"
# A box needs no more than half a pixel in a thousand.
_CELL = np.dtype(
    [
        ("level", "<u1"),
        ("cell", "<u2", 2),
        ("box", "<f2", 4),
        ("class_ids", "<u1", TOP_CLASSES),
        ("scores", "<f2", TOP_CLASSES),
    ]
)
_LARGEST = 65504  # of float16


def write_dense(path: Path, dense: Dense) -> None:
    """Write dense labels; the same labels give the same bytes."""
    cells: np.ndarray = np.zeros(len(dense.levels), _CELL)
    cells["level"], cells["cell"] = dense.levels, dense.cells
    cells["box"] = dense.boxes.clip(-_LARGEST, _LARGEST)
    cells["class_ids"] = NO_CLASS
    count = dense.class_ids.shape[1]
    cells["class_ids"][:, :count], cells["scores"][:, :count] = dense.class_ids, dense.scores
    with whole_file(path) as file:
        np.savez_compressed(
            file,
            cells=cells,
            strides=dense.strides.astype(np.float32),
            origin=dense.origin.astype(np.float32),
            knows=dense.knows.astype(np.uint8),
        )


def read_dense(path: Path, classes: int) -> Dense:
    """Read what `write_dense` wrote.

    Args:
        path: of the file.
        classes: number of classes of the dataset.

    Raises:
        ValueError: the file is damaged, or has class ids that the dataset does not have.
    """
    try:
        with np.load(path) as kept:
            arrays: dict[str, Any] = {name: kept[name] for name in ("cells", "strides", "origin", "knows")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"these dense labels cannot be read ({error}): delete the file") from None
    cells, knows = arrays["cells"], arrays["knows"].astype(np.int64)
    if cells.dtype != _CELL or (knows >= classes).any() or (cells["level"] >= len(arrays["strides"])).any():
        raise ValueError("these dense labels are not of this dataset: delete the file")
    class_ids = cells["class_ids"].astype(np.int64)
    if not np.isin(class_ids[class_ids != NO_CLASS], knows).all():
        raise ValueError("these dense labels have classes that their detector does not know: delete the file")
    return Dense(
        knows=knows,
        origin=arrays["origin"],
        strides=arrays["strides"],
        levels=cells["level"].astype(np.int64),
        cells=cells["cell"].astype(np.int64),
        boxes=cells["box"].astype(np.float32),
        class_ids=class_ids,
        scores=cells["scores"].astype(np.float32),
    )
