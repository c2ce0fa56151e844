"""The names of a model's raw outputs, and which of them a task needs.

B images of H x W pixels, C labels, T things, K actions, A cells of the detector, float32 all:

- `classification` (B, C): logits of a sigmoid each
- `detection_boxes` (B, A, 4): `x_min, y_min, x_max, y_max` in input pixels
- `detection_scores` (B, A, T): logits of a sigmoid each; column t is class `card.things[t]`
- `segmentation` (B, C, h, w): logits of a softmax, any resolution, over the whole padded input
- `navigation_action` (B, K): logits of a softmax; `navigation_collision` (B, 1): logit of a sigmoid;
  `navigation_goal_distance` (B, 1): metres
- `attention` (B, heads, gh, gw): what the last layer's class token reads of each patch
"""

from __future__ import annotations

from collections.abc import Iterable

from vit_perception.runtime.card import Card
from vit_perception.tasks import ATTENTION, DETECTION, SEGMENTATION

# By head, as `Card.trained` names them; attention is no head and needs no training of its own.
BY_HEAD = {
    "classification": ("classification",),
    "detection": ("detection_boxes", "detection_scores"),
    "segmentation": ("segmentation",),
    "navigation.action": ("navigation_action",),
    "navigation.collision": ("navigation_collision",),
    "navigation.goal_distance": ("navigation_goal_distance",),
    "attention": ("attention",),
}
ALL = tuple(name for names in BY_HEAD.values() for name in names)


def needed(card: Card, tasks: Iterable[str]) -> tuple[str, ...]:
    """Names of the raw outputs that the trained heads of `tasks` give, or read."""
    tasks = set(tasks)
    if card.mask_agreement and DETECTION in tasks:
        tasks.add(SEGMENTATION)
    heads = [head for head in (*card.trained, ATTENTION) if head.split(".")[0] in tasks]
    return tuple(name for head in heads for name in BY_HEAD[head])
