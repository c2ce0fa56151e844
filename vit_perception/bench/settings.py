"""What the benchmark measures: the model, how long, and the nodes' parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from vit_perception.cards.card import Card, load_card
from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.tasks import TASKS

# Topic of the one camera.
CAMERA = f"/{TOPICS['image'].name}"
# In one suite, or one for each.
CAMERAS = 4
# Rates of a camera that the nodes keep up with, of one that they should, and of one that they do not.
CAMERA_HZ, FAST_HZ, OVERLOAD_HZ = 30.0, 60.0, 120.0


@dataclass(frozen=True)
class Bench:
    """What to measure.

    Attributes:
        model: its folder.
        seconds: of the main run.
        brief: seconds of each other run.
        overload: seconds of the run with a camera that is too fast.
        data: folder of labelled photographs to compare precisions on; None takes the figures of the card.
        engine: as the nodes' parameter.
        device: as the nodes' parameter.
        precision: as the nodes' parameter.
        asked: tasks to run, as far as the model was trained for them.
        prompts: what an open vocabulary looks for; without any, the model's examples.
    """

    model: Path
    seconds: float = 60.0
    brief: float = 15.0
    overload: float = 600.0
    data: Path | None = None
    engine: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    asked: tuple[str, ...] = TASKS
    prompts: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, str]:
        """The nodes' parameters: name → YAML value."""
        values = {
            "model": str(self.model),
            "engine": self.engine,
            "device": self.device,
            "precision": self.precision,
        }
        prompts = {"prompts": list(self.prompts)} if self.prompts else {}
        return {name: json.dumps(value) for name, value in {**values, **prompts}.items()}

    @property
    def card(self) -> Card:
        """The model's card."""
        return load_card(self.model)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks asked for that the model was trained for."""
        return tuple(task for task in self.asked if task in self.card.tasks)
