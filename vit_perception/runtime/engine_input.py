"""What an engine gets of a frame: its pixels, where it lies in them, what a navigator takes; and text."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vit_perception.cards.raw_outputs import CONTENT, IMAGE
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.runtime.navigation_input import NavigationInput, navigation_arrays
from vit_perception.runtime.preprocess import Geometry


@dataclass(frozen=True)
class FrameInput:
    """Of one frame.

    Attributes:
        pixels: (1, h, w, 3) uint8 in RGB.
        geometry: where the frame lies in them.
        extra: what it has beside its image, by name, each with a batch axis of one.
        given: what a navigator got beside the image.
    """

    pixels: np.ndarray
    geometry: Geometry
    extra: Mapping[str, np.ndarray]
    given: NavigationInput


class EngineInput:
    """Makes the inputs that an engine takes.

    Args:
        names: of its inputs.
        navigation: of the model's navigator, if it has one.
    """

    def __init__(self, names: Collection[str], navigation: NavigationConfig | None) -> None:
        self._names, self._navigation = names, navigation

    def of_frame(self, pixels: np.ndarray, geometry: Geometry, given: NavigationInput) -> FrameInput:
        """Of one frame, as `preprocess` gives it.

        Raises:
            ValueError: a token of the history has another width.
        """
        extra: dict[str, np.ndarray] = {}
        if self._navigation is not None:
            extra = navigation_arrays(given, geometry, self._navigation)
        elif CONTENT in self._names:
            extra = {CONTENT: geometry.rows_and_columns[None]}
        return FrameInput(pixels, geometry, extra, given)

    def of_batch(self, frames: Sequence[FrameInput], text: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Of frames of one size, and of text, as far as the engine takes these."""
        more = dict(text)
        for name in frames[0].extra:
            more[name] = _batch([frame.extra[name] for frame in frames])
        pixels = _batch([frame.pixels for frame in frames])
        return {IMAGE: pixels, **{name: more[name] for name in self._names}}


def _batch(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Along the first axis; a single one is not copied."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
