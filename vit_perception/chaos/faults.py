"""Every fault that may happen to the suite, by its name."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.chaos.camera_faults import CAMERA_FAULTS
from vit_perception.chaos.cameras import SPOILS
from vit_perception.chaos.full_disk import can_mount
from vit_perception.chaos.parameter_faults import DEFAULTS, PARAMETER_FAULTS, PROMPTS
from vit_perception.chaos.process_faults import FULL_DISK, PROCESS_FAULTS
from vit_perception.chaos.scene import START_SECONDS, Fault, Scene
from vit_perception.chaos.suite import TO_ACTIVE

# In this share of the draws all is restored, or the node would soon stay inactive, or unheard.
_RESTORED = 0.2


def restore(scene: Scene) -> None:
    """Good cameras, default parameters, an active node."""
    scene.observer.hush(START_SECONDS)
    scene.behave()
    for transition in TO_ACTIVE:
        scene.suite.change_state(transition)
    scene.suite.set_parameters(DEFAULTS)


RESTORED = "everything restored"
FAULTS: dict[str, Fault] = {**CAMERA_FAULTS, **PARAMETER_FAULTS, **PROCESS_FAULTS, RESTORED: restore}


def impossible(card: Card, folder: Path) -> dict[str, str]:
    """Faults that cannot happen to a suite with this model on this machine: name → why.

    Args:
        folder: over which a file system would be mounted.
    """
    found = {}
    if not card.open_vocabulary:
        found[PROMPTS] = "the model takes none"
    if not can_mount(folder):
        found[FULL_DISK] = "no file system can be mounted here: that needs unshare and user namespaces"
    return found


def draw(rng: np.random.Generator, transport: str, without: Collection[str] = ()) -> str:
    """The name of a fault.

    Args:
        transport: of the suite, whose images alone are spoilt.
        without: names that are not drawn.
    """
    others = {name for each, spoils in SPOILS.items() if each != transport for name in spoils}
    names = [name for name in FAULTS if name not in others and name not in without]
    return RESTORED if rng.random() < _RESTORED else names[int(rng.integers(len(names)))]
