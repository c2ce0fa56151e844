"""Boxes as DETR's descendants give them: finished, in pixels of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vit_perception.data.teachers import Prediction
from vit_perception.data.teachers.contract import Contract
from vit_perception.data.teachers.decode.grid import LEAST_SCORE, MAX_BOXES
from vit_perception.runtime.preprocess import Geometry


def decode_boxes(outputs: Sequence[np.ndarray], contract: Contract, geometry: Geometry) -> Prediction:
    """Clip the boxes to the picture, the highest score first.

    Args:
        outputs: class ids (1, N), boxes (1, N, 4) in pixels of the picture, scores (1, N).
        contract: names the labels.
        geometry: of the picture.

    Raises:
        ValueError: the shapes differ, or a class id has no label.
    """
    class_ids, boxes, scores = (values[0] for values in outputs)
    if boxes.shape != (len(scores), 4) or class_ids.shape != scores.shape:
        raise ValueError(
            f"its outputs have shapes {', '.join(str(values.shape) for values in outputs)}: "
            "kind boxes reads class ids (1, N), boxes (1, N, 4) and scores (1, N)"
        )
    order = np.argsort(-scores, kind="stable")[:MAX_BOXES]
    order = order[(scores[order] >= LEAST_SCORE) & np.isfinite(boxes[order]).all(axis=1)]
    class_ids = class_ids[order].astype(np.int64)
    if len(class_ids) and not 0 <= class_ids.min() <= class_ids.max() < len(contract.labels):
        raise ValueError(f"it gives class {class_ids.max()}, and there are {len(contract.labels)} labels")
    height, width = geometry.source
    clipped = np.clip(boxes[order], 0, [width, height, width, height]).astype(np.float32)
    return Prediction(clipped, class_ids, scores[order].astype(np.float32))
