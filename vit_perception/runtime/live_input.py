"""The network's input for a camera's frames, which never wait for a compilation that they can do without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.cards.raw_outputs import IMAGE
from vit_perception.runtime.engine_input import EngineInput, FrameInput
from vit_perception.runtime.engines.compiled_shapes import CompiledShapes, Shapes, shapes_of
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.runtime.preprocess import Geometry, preprocess
from vit_perception.runtime.vocabulary import Vocabulary


class LiveInput:
    """Gives a frame the size of input that it should have or, until that is compiled, one that is.

    Args:
        compiled: of the engine.
        engine_input: makes what it takes.

    Attributes:
        changing: whether a frame got another size than it should have, since this was set to False.
    """

    def __init__(self, compiled: CompiledShapes[Any], engine_input: EngineInput) -> None:
        self.changing = False
        self._compiled, self._input = compiled, engine_input
        # Of the last frame that has the size it should have.
        self._scale = 1.0
        self._shapes: Shapes | None = None

    def prepare(
        self, image: np.ndarray, order: str, given: NavigationInput, scale: float, vocabulary: Vocabulary
    ) -> FrameInput:
        """What the engine gets of a frame.

        Args:
            image: as `preprocess` takes it, as `order` and `scale`.
            given: what a navigator knows beside it.
            vocabulary: whose text the engine takes, too.

        Raises:
            Exception: the engine cannot be compiled for such an input.
        """

        def shapes_of_all(frame: FrameInput) -> Shapes:
            return shapes_of(self._input.of_batch([frame], vocabulary.text))

        card = vocabulary.card
        wanted = self._input.of_frame(*preprocess(image, card, order, scale), given)
        shapes = shapes_of_all(wanted)
        if not self._compiled.want(shapes):
            self.changing = True
            ready = self._compiled.ready
            for pixels, geometry in self._others(image, order, card, shapes, ready):
                other = self._input.of_frame(pixels, geometry, given)
                if shapes_of_all(other) in ready:
                    return other
        self._scale, self._shapes = scale, shapes
        return wanted

    def prepare_text(self, text: Mapping[str, np.ndarray]) -> None:
        """Wait until frames like the last one can be computed with this text.

        Raises:
            Exception: the engine cannot be compiled for it.
        """
        if self._shapes is not None:
            self._compiled.get(
                tuple((name, text[name].shape if name in text else shape) for name, shape in self._shapes)
            )

    def _others(
        self, image: np.ndarray, order: str, card: Card, wanted: Shapes, ready: tuple[Shapes, ...]
    ) -> Iterator[tuple[np.ndarray, Geometry]]:
        """The frame at other sizes, of which some are compiled."""
        if card.recipe:
            yield preprocess(image, card, order, self._scale)
            return
        rest = set(wanted) - {(IMAGE, dict(wanted)[IMAGE])}
        sizes = [dict(shapes)[IMAGE][1:3] for shapes in ready if rest <= set(shapes)]
        if sizes:
            yield preprocess(image, card, order, sizes=[(height, width) for height, width in sizes])
