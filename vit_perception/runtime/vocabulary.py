"""What a model looks for: its own classes or, with an open vocabulary, prompts that are encoded once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.runtime.engines import Builder
from vit_perception.runtime.prompts import encode_prompts


@dataclass(frozen=True)
class Vocabulary:
    """The classes to look for. Replaced as a whole, so that a frame that is being processed keeps its own.

    Attributes:
        card: of the model; with an open vocabulary, its labels are the prompts.
        text: the encoded prompts, as the engine takes them.
    """

    card: Card
    text: Mapping[str, np.ndarray]


class Vocabularies:
    """Makes them of prompts, and keeps the last one.

    Args:
        build_public: see `Predictor`.
        compile_for: called with encoded prompts; gets the engine ready for them.
    """

    def __init__(
        self, build_public: Builder | None, compile_for: Callable[[Mapping[str, np.ndarray]], None]
    ) -> None:
        self._build_public, self._compile_for = build_public, compile_for
        # The last prompts, and what came of them.
        self._last: tuple[tuple[str, ...], Vocabulary | Exception] | None = None

    def prepared(self, card: Card, prompts: Sequence[str]) -> Vocabulary:
        """The vocabulary of some prompts, in which nothing that takes time is left to do.

        Raises:
            ValueError, FileNotFoundError: they cannot be used. The next call raises the same, and the one
                after it tries again.
        """
        asked = tuple(prompts)
        if self._last is None or self._last[0] != asked:
            try:
                self._last = asked, self._make(card, asked)
            except (ValueError, FileNotFoundError) as error:
                self._last = asked, error
                raise
        found = self._last[1]
        if isinstance(found, Exception):
            self._last = None
            raise found
        return found

    def _make(self, card: Card, prompts: tuple[str, ...]) -> Vocabulary:
        text = encode_prompts(card, prompts, self._build_public)
        self._compile_for(text)
        return Vocabulary(dataclasses.replace(card, labels=prompts, things=tuple(range(len(prompts)))), text)
