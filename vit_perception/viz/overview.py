"""The overview: a row for each photograph, with its boxes, mask and attention beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.runtime.results import UNLABELLED, AnsweredFrame, Detection, Navigation, Segmentation
from vit_perception.tasks import CLASSIFICATION, DETECTION, SEGMENTATION
from vit_perception.viz.canvas import BACKGROUND, FAINT, GREEN, RED, TEXT, Canvas, tag_width, width
from vit_perception.viz.draw import class_colour, draw_attention, draw_boxes, draw_depth, draw_mask

_COLUMNS = ("photograph, classification", "detection", "segmentation", "attention, navigation")
_WIDTH = 440  # of a picture; its height follows the shape of the photograph
_TALLEST = 600
_GAP = 22
_MARGIN = 48
_HEADER = 200
_CAPTION = 84
_SMALL, _MEDIUM, _LARGE, _TITLE = 17, 19, 26, 44
# A class on a smaller share of the picture is not in the legend.
_LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Captions:
    """The text beside the pictures.

    Attributes:
        title: in large letters at the top left.
        subtitle: a line below it.
        made_with: lines at the top right: the model and how it was run.
        names: of the frames, in the order of their index, which begins at 1.
    """

    title: str
    subtitle: str
    made_with: Sequence[str]
    names: Sequence[str]


def draw_sheet(frames: Sequence[AnsweredFrame], captions: Captions) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    sizes = [_picture_size(frame.image) for frame in frames]
    height = _HEADER + sum(size[1] + _CAPTION for size in sizes) + _MARGIN // 2
    canvas = Canvas(_left(len(_COLUMNS)) - _GAP + _MARGIN, height)
    _header(canvas, captions)
    top = _HEADER
    for frame, size in zip(frames, sizes, strict=True):
        for column, picture in enumerate(_pictures(frame, size)):
            canvas.picture(picture, (_left(column), top))
        _caption(canvas, top + size[1], frame, captions)
        top += size[1] + _CAPTION
    return canvas.pixels


def _left(column: int) -> int:
    return _MARGIN + column * (_WIDTH + _GAP)


def _picture_size(image: np.ndarray) -> tuple[int, int]:
    """(width, height) of the pictures in a row: all of one width, and not taller than _TALLEST."""
    height, width = image.shape[:2]
    return _WIDTH, min(_TALLEST, max(1, round(_WIDTH * height / width)))


def _header(canvas: Canvas, captions: Captions) -> None:
    canvas.text(captions.title, (_MARGIN, 66), _TITLE)
    canvas.text(captions.subtitle, (_MARGIN, 116), _LARGE - 4, FAINT)
    for line, text in enumerate(captions.made_with):
        canvas.text(text, (_left(len(_COLUMNS)) - _GAP, 60 + 28 * line), _MEDIUM, FAINT, right=True)
    for column, name in enumerate(_COLUMNS):
        canvas.text(name, (_left(column), _HEADER - 24), _MEDIUM, FAINT)


def _pictures(frame: AnsweredFrame, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """The four pictures of a row, resized before drawing, so that letters and lines have one size."""
    height, width = frame.image.shape[:2]
    shrinks = size[0] < width
    photograph = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    answers = frame.perception
    yield photograph
    if (boxes := answers.detection) is None:
        yield _absent(photograph)
    else:
        scale = np.array([size[0] / width, size[1] / height] * 2, np.float32)
        yield draw_boxes(
            photograph,
            Detection(boxes.boxes * scale, boxes.class_ids, boxes.scores),
            frame.labels.get(DETECTION, {}),
        )
    if (pixels := answers.segmentation) is None:
        yield _absent(photograph) if answers.depth is None else draw_depth(photograph, answers.depth)
    else:
        mask = cv2.resize(pixels.mask, size, interpolation=cv2.INTER_NEAREST)
        yield draw_mask(photograph, Segmentation(mask, pixels.confidence))
    if (attention := answers.attention) is None:
        yield _absent(photograph)
    else:
        yield draw_attention(photograph, cv2.resize(attention.heatmap, size))


def _absent(photograph: np.ndarray) -> np.ndarray:
    """The picture for a result that the model does not give."""
    return cv2.addWeighted(photograph, 0.15, np.full_like(photograph, BACKGROUND), 0.85, 0)


def _caption(canvas: Canvas, top: int, frame: AnsweredFrame, captions: Captions) -> None:
    first, second = top + 26, top + 54
    name = captions.names[frame.index - 1]
    canvas.text(name, (_left(0), first), _LARGE)
    _classes(canvas, frame, (_left(0), second))
    if frame.perception.detection is not None:
        count = len(frame.perception.detection.boxes)
        text = {0: "nothing found", 1: "1 object"}.get(count, f"{count} objects")
        canvas.text(text, (_left(1), first), _MEDIUM, FAINT)
    if frame.perception.segmentation is not None:
        _legend(canvas, frame.perception.segmentation, frame, (_left(2), first))
    if frame.perception.navigation is not None:
        _advice(canvas, frame.perception.navigation, (_left(3), first))


def _classes(canvas: Canvas, frame: AnsweredFrame, position: tuple[int, int]) -> None:
    """Write the classes of the photograph as tags, as many as there is room for."""
    answer = frame.perception.classification
    if answer is None:
        return
    x, middle = position
    for class_id, score in zip(answer.class_ids, answer.scores, strict=True):
        text = f"{frame.labels.get(CLASSIFICATION, {}).get(int(class_id), class_id)} {score:.0%}"
        if x + tag_width(text, _SMALL - 2) > position[0] + _WIDTH:
            return
        x = canvas.tag(text, (x, middle), _SMALL - 2) + 8


def _legend(canvas: Canvas, answer: Segmentation, frame: AnsweredFrame, position: tuple[int, int]) -> None:
    """Write the classes of the mask, the largest first, on two lines at most."""
    class_ids, counts = np.unique(answer.mask[answer.mask != UNLABELLED], return_counts=True)
    x, middle = position
    for index in np.argsort(-counts):
        if counts[index] < _LEAST_SHARE * answer.mask.size:
            return
        class_id = int(class_ids[index])
        text = frame.labels.get(SEGMENTATION, {}).get(class_id, str(class_id))
        needed = width(text, _SMALL) + 1.5 * _SMALL
        if x + needed > position[0] + _WIDTH:
            if middle != position[1]:
                return
            x, middle = position[0], middle + 28
        x = canvas.swatch(text, (x, middle), _SMALL, class_colour(class_id)) + 18


def _advice(canvas: Canvas, navigation: Navigation, position: tuple[int, int]) -> None:
    """Write the best action, and whether the way is free."""
    x, middle = position
    if navigation.action_scores is not None:
        best = int(np.argmax(navigation.action_scores))
        action = navigation.actions[best]
        canvas.action(action, (x + 14, middle))
        text = f"{action.replace('_', ' ')} {navigation.action_scores[best]:.0%}"
        x = canvas.text(text, (x + 40, middle), _MEDIUM, TEXT) + 24
    if navigation.collision is not None:
        blocked = navigation.collision >= 0.5
        probability = navigation.collision if blocked else 1 - navigation.collision
        text = f"way ahead {'blocked' if blocked else 'free'} {probability:.0%}"
        canvas.text(text, (x, middle), _MEDIUM, RED if blocked else GREEN)
