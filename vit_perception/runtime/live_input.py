"""The network's input for a camera's frames, which never wait for a compilation that they can do without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.cards.raw_outputs import IMAGE
from vit_perception.runtime.engines.compiled_shapes import CompiledShapes, Shapes
from vit_perception.runtime.preprocess import Geometry, preprocess

# Pixels (1, h, w, 3), and where the frame lies in them.
Prepared = tuple[np.ndarray, Geometry]


class LiveInput:
    """Gives a frame the size of input that it should have or, until that is compiled, one that is.

    Args:
        compiled: of the engine.

    Attributes:
        changing: whether one of the last frames has another size than it should have.
    """

    def __init__(self, compiled: CompiledShapes[object]) -> None:
        self.changing = False
        self._compiled = compiled
        # Of the last frame that has the size it should have.
        self._scale = 1.0
        self._shapes: Shapes | None = None

    def prepare(
        self,
        images: Sequence[np.ndarray],
        orders: Sequence[str],
        scale: float,
        card: Card,
        shapes_of: Callable[[Prepared], Shapes],
    ) -> list[Prepared]:
        """The inputs of frames that come together.

        Args:
            images: as `preprocess` takes them, as the next three.
            shapes_of: those of all inputs of the engine for one of them.

        Raises:
            Exception: the engine cannot be compiled for such an input.
        """
        self.changing = False
        return [
            self._prepare(image, order, scale, card, shapes_of)
            for image, order in zip(images, orders, strict=True)
        ]

    def _prepare(
        self, image: np.ndarray, order: str, scale: float, card: Card, shapes_of: Callable[[Prepared], Shapes]
    ) -> Prepared:
        wanted = preprocess(image, card, order, scale)
        shapes = shapes_of(wanted)
        if not self._compiled.want(shapes):
            self.changing = True
            ready = self._compiled.ready
            for other in self._others(image, order, card, shapes, ready):
                if shapes_of(other) in ready:
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
    ) -> Iterator[Prepared]:
        """The frame at other sizes, of which some are compiled."""
        if card.recipe:
            yield preprocess(image, card, order, self._scale)
            return
        rest = set(wanted) - {(IMAGE, dict(wanted)[IMAGE])}
        sizes = [dict(shapes)[IMAGE][1:3] for shapes in ready if rest <= set(shapes)]
        if sizes:
            yield preprocess(image, card, order, sizes=[(height, width) for height, width in sizes])
