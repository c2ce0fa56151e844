"""What faults act on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vit_perception.chaos.cameras import Behaviour, Cameras
from vit_perception.chaos.observer import Observer
from vit_perception.chaos.suite import Suite

# Seconds in which a process starts, or a transition loads a model.
START_SECONDS, TRANSITION_SECONDS = 60.0, 30.0
# What a frame of a new size may take until it is answered: its network is compiled.
COMPILE_SECONDS = 30.0


@dataclass
class Scene:
    """A suite with all that is around it.

    Attributes:
        cameras: that send frames.
        suite: that answers them.
        observer: that judges the answers.
        rng: draws.
    """

    cameras: Cameras
    suite: Suite
    observer: Observer
    rng: np.random.Generator

    def behave(self, **changes: Any) -> None:
        """Change how the cameras behave from now on; what they did before is over."""
        self.cameras.behaviour = Behaviour(**changes)
        self.cameras.good_since = None

    def pick(self, values: Any) -> Any:
        """One of them."""
        return values[int(self.rng.integers(len(values)))]


Fault = Callable[[Scene], None]
