"""The names of a model's raw outputs, and which of them a task needs.

B images of H x W pixels, C labels, T things, K actions, A cells of the detector or queries, float32 all,
as ours are; a card's `decoding` says where a public model's differ:

- `classification` (B, C): logits of a sigmoid each
- `detection_boxes` (B, A, 4): `x_min, y_min, x_max, y_max` in input pixels
- `detection_scores` (B, A, T): logits of a sigmoid each; column t is class `card.things[t]`
- `segmentation` (B, C, h, w): logits of a softmax, any resolution, over the whole padded input
- `navigation_action` (B, K): logits of a softmax; `navigation_collision` (B, 1): logit of a sigmoid;
  `navigation_goal_distance` (B, 1): metres. Of a navigator also `navigation_path` (B, waypoints, 2) and
  `navigation_scan` (B, beams): metres; `navigation_free_space` (B, R, W): logits of a softmax over the rows
  of the whole padded input; `navigation_token` (B, width): for the history of later frames;
  `navigation_attention` (B, 2, gh, gw): what the action reads of each patch's colour and depth
- `attention` (B, heads, gh, gw): what the last layer's class token reads of each patch
- `query_scores` (B, Q, C + 1) and `query_masks` (B, Q, h, w): logits of queries that are a class (the last:
  none) and a mask each, for `segmentation.queries` and `detection.queries`
- `depth` (B, h, w): metres, or inverse depth (`DepthRule`)
"""

from __future__ import annotations

from collections.abc import Iterable

from vit_perception.cards.card import OUR_HEADS, Card, navigator_heads
from vit_perception.tasks import DETECTION, NAVIGATION, SEGMENTATION

# By head, as `Card.trained` names them.
BY_HEAD = {
    "classification": ("classification",),
    "detection": ("detection_boxes", "detection_scores"),
    "segmentation": ("segmentation",),
    "navigation.action": ("navigation_action",),
    "navigation.collision": ("navigation_collision",),
    "navigation.goal_distance": ("navigation_goal_distance",),
    "navigation.path": ("navigation_path",),
    "navigation.scan": ("navigation_scan",),
    "navigation.free_space": ("navigation_free_space",),
    "segmentation.queries": ("query_scores", "query_masks"),
    "detection.queries": ("query_scores", "query_masks"),
    "depth": ("depth",),
    "attention": ("attention",),
}
# What a model of ours gives.
OURS = tuple(name for head in OUR_HEADS for name in BY_HEAD[head])
# What a navigator gives beside the outputs of its heads.
NAVIGATOR = ("navigation_token", "navigation_attention")
# What a graph may take beside `image`: rows and columns of each frame without its padding, (B, 2) int64; of a
# navigator, what runtime/navigation_input.py makes; what else it takes is text, see runtime/prompts.py.
IMAGE, CONTENT = "image", "content"


def ours(card: Card, attends: bool = True) -> tuple[str, ...]:
    """What the model of ours with this card gives, whose backbone has attention or has none."""
    names = OURS if attends else tuple(name for name in OURS if name not in BY_HEAD["attention"])
    navigator = card.architecture.get("navigation")
    if navigator is None:
        return names
    return (*names, *(name for head in navigator_heads(navigator) for name in BY_HEAD[head]), *NAVIGATOR)


def needed(card: Card, tasks: Iterable[str]) -> tuple[str, ...]:
    """Names of the raw outputs that the trained heads of `tasks` give, or read."""
    tasks = set(tasks)
    if card.mask_agreement and DETECTION in tasks:
        tasks.add(SEGMENTATION)
    heads = [head for head in card.trained if head.split(".")[0] in tasks]
    names = [name for head in heads for name in BY_HEAD[head]]
    if NAVIGATION in tasks and NAVIGATION in card.tasks and "navigation" in card.architecture:
        names += NAVIGATOR
    return tuple(dict.fromkeys(names))
