#!/usr/bin/env python3
"""Draws docs/answers.png: the default model's results on the demo's photographs, without the photographs.

The photographs are not ours to ship, but the results are: mask and boxes above, attention below.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import skimage

from vit_perception.runtime.predictor import Predictor
from vit_perception.viz.draw import draw_attention, draw_boxes, draw_mask
from vit_perception.viz.photographs import PHOTOGRAPHS

HEIGHT = 220
GAP = 8


def main(output: str) -> None:
    predictor = Predictor()
    labels = dict(enumerate(predictor.card.labels))
    columns = []
    for file in PHOTOGRAPHS.values():
        path = Path(skimage.__file__).parent / "data" / file
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise FileNotFoundError(f"{path} is not there: install the scikit-image of requirements/demo.txt")
        width = round(image.shape[1] * HEIGHT / image.shape[0])
        image = cv2.resize(image, (width, HEIGHT), interpolation=cv2.INTER_AREA)
        perception = predictor(image)
        # The default model gives all three.
        assert perception.segmentation
        assert perception.detection
        assert perception.attention
        seen = draw_boxes(
            draw_mask(np.full_like(image, 255), perception.segmentation), perception.detection, labels
        )
        attended = draw_attention(np.zeros_like(image), perception.attention.heatmap)
        columns.append(np.vstack([seen, np.full((GAP, image.shape[1], 3), 255, np.uint8), attended]))
    gap = np.full((columns[0].shape[0], GAP, 3), 255, np.uint8)
    sheet = np.hstack([part for column in columns for part in (column, gap)][:-1])
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(output, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main(sys.argv[1])
