"""The class of every pixel, as segmenters with an arg-max in their graph give it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vit_perception.data.teachers import Prediction
from vit_perception.data.teachers.contract import Contract
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import UNLABELLED


def decode_class_map(outputs: Sequence[np.ndarray], contract: Contract, geometry: Geometry) -> Prediction:
    """Resample the map to the picture, each pixel from the nearest. A class without a label is unlabelled.

    Args:
        outputs: class ids (1, h, w).
        contract: names the labels.
        geometry: where the picture lies in the input.

    Raises:
        ValueError: it is no map.
    """
    if outputs[0].ndim != 3:
        raise ValueError(f"its output has shape {outputs[0].shape}: kind class_map reads (1, height, width)")
    ids = outputs[0][0]
    known = (ids >= 0) & (ids < len(contract.labels))
    mask = np.where(known, ids, UNLABELLED).astype(np.uint8)
    return Prediction(mask=geometry.map_to_source(mask, cv2.INTER_NEAREST))
