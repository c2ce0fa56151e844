"""Random models small enough for tests: `python test/tiny_model.py OUTPUT_FOLDER`.

`test/fixtures/tiny` and `test/fixtures/tiny_navigator` were made with it.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import torch

from vit_perception.cards.card import Card
from vit_perception.export.export import export
from vit_perception.model import build_model

LABELS = (
    *("person", "vehicle", "animal", "furniture", "food", "electronics"),
    *("ground", "sky", "structure", "vegetation", "water", "other"),
)
THINGS = tuple(range(6))
ACTIONS = ("turn_left", "forward", "turn_right", "stop")


def tiny_card() -> Card:
    """A card with all heads of ours but one, and an architecture of 26 k parameters."""
    return Card(
        name="tiny",
        description="Random weights, for tests of the plumbing: its answers mean nothing.",
        licence="Apache-2.0",
        provenance="random initialisation, seed 0",
        architecture={
            "backbone": {
                "family": "vit",
                "patch_size": 14,
                "embed_dim": 16,
                "depth": 2,
                "num_heads": 2,
                "pos_grid": [4, 4],
                "layer_scale": 1.0,
            },
            "pyramid": {"layers": [0, 1], "width": 16, "fine_width": 16},
            "num_classes": len(LABELS),
            "num_things": len(THINGS),
            "num_actions": len(ACTIONS),
        },
        files={},
        sha256={},
        patch_size=14,
        input_sizes=((84, 112), (112, 84)),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        labels=LABELS,
        things=THINGS,
        actions=ACTIONS,
        trained=(
            *("classification", "detection", "segmentation"),
            *("navigation.action", "navigation.collision", "attention"),
        ),
        thresholds={"classification": 0.5, "detection": 0.3},
        metrics={},
    )


def tiny_navigator_card() -> Card:
    """The same with a navigator, which takes depth, a goal and two earlier frames, and sees free ground."""
    card = tiny_card()
    navigation = {"history": 2, "interval": 0.2, "width": 16, "free_space": True}
    return dataclasses.replace(
        card,
        name="tiny_navigator",
        architecture={**card.architecture, "navigation": navigation},
        trained=(
            *("classification", "detection", "segmentation", "navigation.action", "navigation.collision"),
            *("navigation.goal_distance", "navigation.path", "navigation.scan"),
            *("navigation.free_space", "attention"),
        ),
    )


def make(card: Card, folder: Path) -> None:
    """Export a random model with this card."""
    torch.manual_seed(0)
    model = build_model(card.architecture)
    for parameter in model.parameters():  # larger than a training start, so that outputs vary with the image
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    parameters = dict(model.named_parameters())
    torch.nn.init.zeros_(parameters["heads.detection.scores.bias"])
    torch.nn.init.normal_(parameters["heads.detection.distances.weight"], std=0.02)  # boxes of a few cells
    for name, difference in export(model, card, folder).items():
        print(f"{name:28} differs by {difference:.1e}")


if __name__ == "__main__":
    for each in (tiny_card(), tiny_navigator_card()):
        make(each, Path(sys.argv[1]) / each.name)
