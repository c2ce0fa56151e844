"""Navigation: where to go, and what is in the way, from colour, depth, a goal and the last frames.

Learned queries read the image and the depth by cross-attention, as in DETR (Carion et al. 2020): one for the
state of the robot, one for each direction of the scan. Between two readings, they, the goal and what earlier
frames were attend to each other. What is missing is a learned token.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures
from vit_perception.heads.depth_stem import DepthStem
from vit_perception.heads.free_space import FreeSpaceHead
from vit_perception.heads.navigation_config import GOAL_SIZE, NavigationConfig
from vit_perception.layers.attention import CrossAttention
from vit_perception.layers.block import Block

_HEAD_DIM = 64
_MLP_RATIO = 2.0
# log(1 + metres) of the farthest goal, a kilometre: beyond, half precision would overflow.
_FARTHEST_GOAL = 7.0
_NO_LEVELS: Mapping[str, Tensor] = MappingProxyType({})


class Reading(nn.Module):
    """Queries (B, Q, D) read context tokens (B, N, D), and what they find is added to them."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attn = CrossAttention(width, num_heads)

    def forward(self, queries: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Queries (B, Q, D), and the weights (B, heads, Q, N)."""
        found, weights = self.attn.with_weights(self.norm(queries), context)
        return queries + found, weights


class NavigationHead(nn.Module):
    """TokenFeatures and what else there is → what to do next.

    The outputs are `navigation_action` (B, num_actions), logits for a softmax; `navigation_collision` (B, 1),
    a logit for a sigmoid; `navigation_goal_distance` (B, 1), `navigation_path` (B, waypoints, 2) and
    `navigation_scan` (B, beams) in metres; `navigation_token` (B, width), which later frames take as history;
    and `navigation_attention` (B, 2, gh, gw), what the state reads of each patch's colour and depth: a mean
    over heads, of which the rest to 1 goes to the class token; and what `free_space` gives, if there is one.

    Args:
        embed_dim: channels of the backbone's tokens.
        stride: side of a patch in pixels.
        num_actions: number of actions.
        config: what it takes and gives.
        free_space: reads the pyramid; None without.
    """

    def __init__(
        self,
        embed_dim: int,
        stride: int,
        num_actions: int,
        config: NavigationConfig,
        free_space: FreeSpaceHead | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        width = config.width
        num_heads = max(width // _HEAD_DIM, 1)
        self.colour = nn.Linear(embed_dim, width)
        self.depth = DepthStem(stride, width) if config.depth else None
        self.norm_context = nn.LayerNorm(width)
        self.query_tokens = _learned(1, 1 + config.beams, width)
        self.first = Reading(width, num_heads)
        self.norm_token = nn.LayerNorm(width)
        if config.goal:
            self.goal = nn.Linear(GOAL_SIZE - 1, width)
            self.no_goal_token = _learned(1, 1, width)
            self.goal_then = nn.Linear(GOAL_SIZE - 1, width)
        if config.history:
            self.history = nn.Linear(width, width)
            self.no_history_token = _learned(1, 1, width)
            self.history_pos_embed = _learned(1, config.history, width)
        self.think = Block(width, num_heads, _MLP_RATIO)
        self.second = Reading(width, num_heads)
        self.decide = Block(width, num_heads, _MLP_RATIO)
        self.norm = nn.LayerNorm(width)
        self.action = nn.Linear(width, num_actions)
        self.collision = nn.Linear(width, 1)
        self.goal_distance = nn.Linear(width, 1)
        self.path = nn.Linear(width, config.waypoints * 2)
        self.scan = nn.Linear(width, 1)
        self.free_space = free_space

    def forward(
        self,
        features: TokenFeatures,
        depth: Tensor | None = None,
        goal: Tensor | None = None,
        history: Tensor | None = None,
        levels: Mapping[str, Tensor] = _NO_LEVELS,
    ) -> dict[str, Tensor]:
        """Decide.

        Args:
            features: of the image.
            depth: see `DepthStem`.
            goal: (B, GOAL_SIZE), distance in metres, sine and cosine of its bearing, and 1; x is ahead, y is
                left (REP 103). Zeros: this one has no goal. None: none has.
            history: (B, T, width + 1), `navigation_token` of earlier frames and 1, the newest last. Zeros:
                there was no such frame. None: there was none.
            levels: of the pyramid, for what reads it.

        Raises:
            ValueError: an input has another shape.
        """
        outputs = self.answer(*self.look(features, depth), features.grid, goal, history)
        if self.free_space is not None:
            outputs["navigation_free_space"] = self.free_space(levels[self.free_space.level])
        return outputs

    def answer(
        self,
        context: Tensor,
        queries: Tensor,
        grid: tuple[int, int],
        goal: Tensor | None = None,
        history: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """What `forward` gives, of the context and the queries of `look`, and (gh, gw) of the patches."""
        told = [*self._goal(goal, context.shape[0]), *self._history(history, context.shape[0])]
        count = queries.shape[1]
        sequence, _ = self.think(torch.cat([queries, *told], dim=1))
        read, weights = self.second(sequence[:, :count], context)
        sequence, _ = self.decide(torch.cat([read, sequence[:, count:]], dim=1))
        state, beams = self.norm(sequence[:, 0]), self.norm(sequence[:, 1:count])
        return {
            "navigation_action": self.action(state),
            "navigation_collision": self.collision(state),
            "navigation_goal_distance": self._goal_distance(state, goal),
            "navigation_path": self.path(state).unflatten(-1, (self.config.waypoints, 2)),
            "navigation_scan": self.scan(beams).squeeze(-1).sigmoid() * self.config.max_range,
            "navigation_token": self.token(queries, goal),
            "navigation_attention": self._seen(weights[:, :, 0].mean(dim=1), grid),
        }

    def look(self, features: TokenFeatures, depth: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Context tokens (B, N, width) and the queries (B, 1 + beams, width) after the first reading."""
        # Not all tokens at once: OpenVINO 2026.4 computes such a concatenation in memory that it shares with
        # the backbone's last map, so that this head would overwrite the input of all others.
        parts = [self.colour(features.cls_token.unsqueeze(1)), self.colour(features.patch_tokens)]
        if self.depth is not None:
            parts.append(self.depth(depth, features.grid, features.cls_token.shape[0]))
        context = self.norm_context(torch.cat(parts, dim=1))
        queries, _ = self.first(self.query_tokens.expand(context.shape[0], -1, -1), context)
        return context, queries

    def token(self, queries: Tensor, goal: Tensor | None = None) -> Tensor:
        """What a frame is for later ones, (B, width), of the queries that `look` gives and the goal.

        Where the goal was before says how the robot moves: without it, nobody knows what it runs into.
        """
        token: Tensor = self.norm_token(queries[:, 0])
        if not self.config.goal or goal is None:
            return token
        goal = goal.to(token.dtype)
        where: Tensor = self.goal_then(_polar(goal)) * goal[:, 3:]
        return token + where

    def _goal(self, goal: Tensor | None, batch: int) -> list[Tensor]:
        if not self.config.goal:
            return []
        missing = self.no_goal_token.expand(batch, -1, -1)
        if goal is None:
            return [missing]
        if goal.shape != (batch, GOAL_SIZE):
            raise ValueError(
                f"goal has shape {tuple(goal.shape)}, not ({batch}, {GOAL_SIZE}): distance, sin, cos, 1"
            )
        goal = goal.to(missing.dtype)
        return [torch.where(goal[:, None, 3:] > 0, self.goal(_polar(goal)).unsqueeze(1), missing)]

    def _history(self, history: Tensor | None, batch: int) -> list[Tensor]:
        if not self.config.history:
            return []
        missing = self.no_history_token.expand(batch, self.config.history, -1)
        tokens = missing
        if history is not None:
            shape = (batch, self.config.history, self.config.width + 1)
            if history.shape != shape:
                raise ValueError(f"history has shape {tuple(history.shape)}, not {shape}")
            history = history.to(missing.dtype)
            tokens = torch.where(history[..., -1:] > 0, self.history(history[..., :-1]), missing)
        return [tokens + self.history_pos_embed]

    def _goal_distance(self, state: Tensor, goal: Tensor | None) -> Tensor:
        """(B, 1) metres along the way, which is no shorter than as the crow flies."""
        way = F.softplus(self.goal_distance(state))
        if self.config.goal and goal is not None:
            way = way + goal[:, :1].to(way.dtype).log1p()
        return way.clamp(max=_FARTHEST_GOAL).expm1()

    def _seen(self, weights: Tensor, grid: tuple[int, int]) -> Tensor:
        """Weights (B, N) of the context → (B, 2, gh, gw)."""
        patches = weights[:, 1:]
        if self.depth is None:
            patches = torch.cat([patches, torch.zeros_like(patches)], dim=1)
        return patches.reshape(patches.shape[0], 2, *grid)


def _polar(goal: Tensor) -> Tensor:
    """(B, 3) of a goal (B, GOAL_SIZE): the logarithm of 1 + its distance, sine and cosine of its bearing."""
    return torch.cat([goal[:, :1].log1p(), goal[:, 1:3]], dim=1)


def _learned(*shape: int) -> nn.Parameter:
    return nn.Parameter(nn.init.trunc_normal_(torch.zeros(shape), std=0.02))
