"""What to compute for a frame, in one record that goes from a node or a caller to the decoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vit_perception.cards.card import check_thresholds
from vit_perception.tasks import check_tasks

# Least and largest: an input of a patch or two, and one that costs sixteen times as much.
INPUT_SCALES = (0.1, 4.0)
MAP_SCALES = (0.1, 1.0)


def _check_scale(name: str, value: object, limits: tuple[float, float]) -> None:
    least, most = limits
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError(f"{name} is {value!r}: give a number from {least:g} to {most:g}")


@dataclass(frozen=True)
class Request:
    """Which tasks to compute, from which score to report, and at which sizes.

    Args:
        tasks: those to compute, in any order; None: all that the model was made for.
        thresholds: least score to report by task (`classification`, `detection`), 0 to 1. A task that is
            missing has the threshold of the model's card.
        input_scale: size of the network's input relative to the model's own, 0.1 to 4. A larger input finds
            smaller objects, and its cost grows with the number of pixels.
        map_scale: size of masks, depth and heat maps relative to the image, 0.1 to 1.
        navigation_attention: whether to map what the action reads to the image.

    Raises:
        ValueError: a value is not one of these; the message names it, and what to give instead.
    """

    tasks: tuple[str, ...] | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    input_scale: float = 1.0
    map_scale: float = 1.0
    navigation_attention: bool = False

    def __post_init__(self) -> None:
        if self.tasks is not None:
            object.__setattr__(self, "tasks", check_tasks(self.tasks))
        check_thresholds(self.thresholds)
        _check_scale("input_scale", self.input_scale, INPUT_SCALES)
        _check_scale("map_scale", self.map_scale, MAP_SCALES)


# All tasks, with the thresholds of the card, at the sizes of model and image.
DEFAULT_REQUEST = Request()
