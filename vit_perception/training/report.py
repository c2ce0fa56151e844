"""What a trained model gets wrong, for people: confusion matrices, and the worst pictures drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import LabelSpace
from vit_perception.data.sheet import draw_sample
from vit_perception.runtime.results import UNLABELLED, Perception
from vit_perception.training.boxes import pair_boxes
from vit_perception.training.confusion import Confusion, count_pairs, share_wrong
from vit_perception.training.examples import Example, Pictures, read_example
from vit_perception.viz.canvas import BACKGROUND, FAINT, Canvas
from vit_perception.viz.confusion import draw_confusion
from vit_perception.viz.pictures import write_picture

BOXES, MASKS, WORST = "confusion_boxes", "confusion_masks", "worst.png"
_TITLES = {
    BOXES: "Boxes: a row for each true class, in percent",
    MASKS: "Pixels: a row for each true class, in percent",
}
_MOST_PICTURES = 16
# Classes of a matrix that can still be read; the CSV has all.
_MOST_CLASSES = 24
_GAP, _CAPTION = 16, 34

Predict = Callable[[np.ndarray], Perception]


def write_report(folder: Path, pictures: Pictures, numbers: Iterable[int], predict: Predict) -> None:
    """Write `confusion_boxes` and `confusion_masks`, each as PNG and CSV, and `worst.png`.

    The worst pictures have the largest share of wrong boxes and pixels, on average of the two. What was not
    trained, or is nowhere labelled, has no file; nor have the worst where nothing is wrong.

    Args:
        folder: made if need be.
        pictures: the truth.
        numbers: of those to look at.
        predict: RGB picture (H, W, 3) uint8 → results, as a robot gets them; without their low scores.
    """
    totals: dict[str, np.ndarray] = {}
    wrong: list[tuple[float, int]] = []
    for number in numbers:
        example = read_example(pictures, number)
        counts = _compared(example, predict(example.rgb), pictures.space)
        for name, counted in counts.items():
            totals[name] = totals.get(name, 0) + counted
        shares = [share for counted in counts.values() if (share := share_wrong(counted)) is not None]
        if any(shares):
            wrong.append((float(np.mean(shares)), number))
    folder.mkdir(parents=True, exist_ok=True)
    for name, total in totals.items():
        table = Confusion(pictures.space.names, total).present()
        if not table.names:
            continue
        table.write(folder / f"{name}.csv")
        shown = table.readable(pictures.space, _MOST_CLASSES)
        rows = shown.rows()
        drawn = draw_confusion(_TITLES[name], rows, shown.columns(), shown.counts[: len(rows)])
        write_picture(folder / f"{name}.png", drawn)
    if wrong:
        worst = sorted(wrong, key=lambda each: -each[0])[:_MOST_PICTURES]
        write_picture(folder / WORST, _draw_worst(worst, pictures, predict))


def _compared(example: Example, found: Perception, space: LabelSpace) -> dict[str, np.ndarray]:
    """The counts of one picture, see `count_pairs`, by name."""
    counts = {}
    if found.detection:
        counts[BOXES] = count_pairs(*pair_boxes(found.detection, example, space.things), len(space))
    semantic = example.annotation.semantic
    if found.segmentation and semantic is not None:
        known = semantic != UNLABELLED
        counts[MASKS] = count_pairs(semantic[known], found.segmentation.mask[known], len(space))
    return counts


def _draw_worst(worst: list[tuple[float, int]], pictures: Pictures, predict: Predict) -> np.ndarray:
    """(H, W, 3) uint8 RGB: two in a row, the worst first, each as truth and answer."""
    pairs = [_pair(read_example(pictures, number), pictures.space, predict) for _, number in worst]
    height, width = pairs[0].shape[:2]
    columns = min(len(pairs), 2)
    canvas = Canvas(
        _GAP + columns * (width + _GAP), _GAP + -(-len(pairs) // columns) * (height + _CAPTION + _GAP)
    )
    for place, ((share, number), pair) in enumerate(zip(worst, pairs, strict=True)):
        x = _GAP + place % columns * (width + _GAP)
        y = _GAP + place // columns * (height + _CAPTION + _GAP)
        canvas.picture(pair, (x, y + _CAPTION))
        text = f"{pictures.name(number)}: truth and answer, {share:.0%} wrong"
        canvas.text(text, (x, y + _CAPTION // 2), 18, FAINT)
    return canvas.pixels


def _pair(example: Example, space: LabelSpace, predict: Predict) -> np.ndarray:
    """Truth and answer, side by side; of the answer only what there is a truth of."""
    truth, found = replace(example.annotation, scores=None), predict(example.rgb)
    answer = Annotation()
    if found.detection and example.known.boxes:
        boxes = found.detection
        answer = Annotation(boxes.boxes, boxes.class_ids, boxes.scores)
    if found.segmentation and truth.semantic is not None:
        answer = replace(answer, semantic=found.segmentation.mask)
    left, right = (draw_sample(example.rgb, each, space) for each in (truth, answer))
    return np.hstack([left, np.full((len(left), _GAP // 2, 3), BACKGROUND, np.uint8), right])
