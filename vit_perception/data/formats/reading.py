"""Labels as the files of a dataset have them, before they become an `Annotation`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from vit_perception.data.annotation import Annotation
from vit_perception.data.dataset import Fault
from vit_perception.data.dense import Dense
from vit_perception.data.navigation import NavigationTruth

# Called with each fault; it may raise.
Report = Callable[[Fault], None]

# By how many pixels a box may be outside its picture: labelling tools round.
TOLERANCE = 1.0
# The class of an ignored box that may hold any class.
ANY = -1
_ORIENTATION = 0x0112
_TURNED = {5, 6, 7, 8}


@dataclass
class RawLabels:
    """Labels of a picture, with boxes as they are written.

    Attributes:
        file: that holds the boxes.
        boxes: `x_min, y_min, x_max, y_max` in pixels; they may be outside the picture.
        class_ids: of the boxes; -1: any, if ignored.
        scores: of the boxes.
        ignored: whether a box is neither an object nor background.
        places: of the boxes in `file`, as `line_of` takes them; None where a box has none.
        semantic, depth, dense, navigation: as in `Annotation`.
        instances: as in `Annotation`, but counted over all of `boxes`, the ignored ones too.
        line_of: the line of a place. Only for a fault is it worth counting lines.
    """

    file: Path
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    class_ids: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    ignored: list[bool] = field(default_factory=list)
    places: list[int | None] = field(default_factory=list)
    semantic: np.ndarray | None = None
    instances: np.ndarray | None = None
    depth: np.ndarray | None = None
    dense: Dense | None = None
    navigation: NavigationTruth | None = None
    line_of: Callable[[int], int] = int

    def add(
        self,
        box: tuple[float, float, float, float],
        class_id: int,
        place: int | None = None,
        score: float = 1.0,
        ignored: bool = False,
    ) -> int:
        """Append a box.

        Returns:
            Its value in `instances`.
        """
        self.boxes.append(box)
        self.class_ids.append(class_id)
        self.scores.append(score)
        self.ignored.append(ignored)
        self.places.append(place)
        return len(self.boxes)

    def finished(self, size: tuple[int, int]) -> Annotation:
        """The annotation of a picture of `size` (height, width): boxes clipped to it, empty ones left out."""
        height, width = size
        boxes = np.array(self.boxes, np.float32).reshape(-1, 4)
        boxes = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
        ids = np.array(self.class_ids, np.int64)
        ignored = np.array(self.ignored, bool)
        kept = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        objects, others = kept & ~ignored, kept & ignored
        return Annotation(
            boxes[objects],
            ids[objects],
            np.array(self.scores, np.float32)[objects],
            boxes[others],
            ids[others],
            self.semantic,
            None if self.instances is None else renumbered(self.instances, objects),
            self.depth,
            self.dense,
            self.navigation,
        )

    def box_faults(self, size: tuple[int, int]) -> Iterator[Fault]:
        """Boxes that are empty, or outside a picture of `size` (height, width)."""
        height, width = size
        for box, place in zip(self.boxes, self.places, strict=True):
            left, top, right, bottom = box
            if right > left and bottom > top and _is_inside(box, width, height):
                continue
            line = None if place is None else self.line_of(place)
            written = ", ".join(f"{edge:g}" for edge in box)
            if not np.isfinite(box).all() or right <= left or bottom <= top:
                yield Fault(self.file, line, f"the box from {written} has no area: correct or delete it")
            else:
                yield Fault(
                    self.file,
                    line,
                    f"the box from {written} is outside the picture of {width} x {height} pixels: "
                    "correct or delete it",
                )


def _is_inside(box: tuple[float, float, float, float], width: int, height: int) -> bool:
    left, top, right, bottom = box
    return min(left, top, width - right, height - bottom) >= -TOLERANCE


def renumbered(instances: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Instances after some of their objects were left out.

    Args:
        instances: (H, W), one more than the place of each pixel's object, 0 for none.
        kept: (N,) bool, of the objects.
    """
    numbers = np.zeros(len(kept) + 1, np.uint16)
    numbers[1:][kept] = np.arange(1, kept.sum() + 1)
    return numbers[instances]


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture, turned as its file says, from the beginning of the file.

    Raises:
        FileNotFoundError: there is no such file. ValueError: it is not a picture.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION) in _TURNED
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not a picture that can be read: give a JPEG or PNG file") from None
    return (width, height) if turned else (height, width)


def is_upright(path: Path) -> bool:
    """Whether the pixels of a picture are stored as they are to be shown."""
    with Image.open(path) as image:
        return image.getexif().get(_ORIENTATION, 1) == 1


def read_mask(
    path: Path, size: tuple[int, int], report: Report, as_colours: bool = False
) -> np.ndarray | None:
    """The values of a mask: (H, W) whole numbers, or (H, W, 3) uint8 red, green, blue.

    Args:
        path: of the mask.
        size: (height, width) of its picture.
        report: called if the mask is missing, cannot be read, or has another size than its picture.
        as_colours: give the colours of a mask with a palette, not the numbers of these colours.

    Returns:
        None after a fault.
    """
    try:
        with Image.open(path) as image:
            if image.mode in ("RGBA", "LA"):
                image = image.convert(image.mode[:-1])
            if as_colours and image.mode == "P":
                image = image.convert("RGB")
            values = np.asarray(image)
    except FileNotFoundError:
        report(Fault(path, None, "this mask is missing: add it, or delete its entry"))
        return None
    except (OSError, ValueError, SyntaxError) as error:
        report(Fault(path, None, f"this mask cannot be read ({error}): write it again as PNG"))
        return None
    if values.shape[:2] != size:
        report(
            Fault(
                path,
                None,
                f"the mask has {values.shape[1]} x {values.shape[0]} pixels, its picture {size[1]} x "
                f"{size[0]}: give both one size",
            )
        )
        return None
    if values.dtype == bool:
        return values.astype(np.uint8)
    if values.dtype.kind not in "iu":
        report(
            Fault(path, None, "the mask has values that are not whole numbers: write it as 8 or 16-bit PNG")
        )
        return None
    return values
