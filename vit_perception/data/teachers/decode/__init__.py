"""Outputs of a teacher's file → a `Prediction`: one file for each kind of contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vit_perception.data.teachers import Prediction
from vit_perception.data.teachers.contract import Contract
from vit_perception.data.teachers.decode.boxes import decode_boxes
from vit_perception.data.teachers.decode.class_map import decode_class_map
from vit_perception.data.teachers.decode.picodet import decode_picodet
from vit_perception.data.teachers.decode.yolox import decode_yolox
from vit_perception.runtime.preprocess import Geometry

Decoder = Callable[[Sequence[np.ndarray], Contract, Geometry], Prediction]
DECODERS: dict[str, Decoder] = {
    "boxes": decode_boxes,
    "yolox": decode_yolox,
    "picodet": decode_picodet,
    "class_map": decode_class_map,
}
