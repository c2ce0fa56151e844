"""Navigation without a navigator: the next action, from the image and where the goal is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures
from vit_perception.layers.attention import CrossAttention

# A goal is (distance in metres, sine and cosine of its bearing); x is ahead and y is left (REP 103).
GOAL_SIZE = 3


class ActionHead(nn.Module):
    """TokenFeatures and an optional goal → the next action.

    The goal becomes a token that attends to the image's tokens; without a goal, a learned token takes its
    place. The outputs are `navigation_action` (B, num_actions), logits for a softmax; `navigation_collision`
    (B, 1), a logit for a sigmoid; and `navigation_goal_distance` (B, 1) in metres.

    Args:
        embed_dim: D, channels of the backbone's tokens.
        num_heads: attention heads; they divide `embed_dim`.
        num_actions: number of actions.
    """

    def __init__(self, embed_dim: int, num_heads: int, num_actions: int) -> None:
        super().__init__()
        self.goal_embed = nn.Linear(GOAL_SIZE, embed_dim)
        self.no_goal = nn.Parameter(torch.zeros(1, 1, embed_dim))
        nn.init.trunc_normal_(self.no_goal, std=0.02)
        self.read = CrossAttention(embed_dim, num_heads)
        self.norm = nn.LayerNorm(embed_dim * 2)
        self.action = nn.Linear(embed_dim * 2, num_actions)
        self.collision = nn.Linear(embed_dim * 2, 1)
        self.goal_distance = nn.Linear(embed_dim * 2, 1)

    def forward(self, features: TokenFeatures, goal: Tensor | None = None) -> dict[str, Tensor]:
        """Decide on an action.

        Args:
            features: of the image.
            goal: (B, 3), distance in metres, sine and cosine of the bearing; None without a goal.

        Raises:
            ValueError: the goal has another shape.
        """
        batch = features.cls_token.shape[0]
        if goal is None:
            token = self.no_goal.expand(batch, -1, -1)
        elif goal.shape == (batch, GOAL_SIZE):
            token = self.goal_embed(goal).unsqueeze(1)
        else:
            raise ValueError(
                f"goal has shape {tuple(goal.shape)}, not ({batch}, {GOAL_SIZE}): distance, sin, cos"
            )
        context = torch.cat([features.prefix_tokens, features.patch_tokens], dim=1)
        scene = (token + self.read(token, context)).squeeze(1)
        state = self.norm(torch.cat([scene, features.cls_token], dim=-1))
        return {
            "navigation_action": self.action(state),
            "navigation_collision": self.collision(state),
            "navigation_goal_distance": nn.functional.softplus(self.goal_distance(state)),
        }
