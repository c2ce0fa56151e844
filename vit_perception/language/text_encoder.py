"""A text encoder of BERT's kind (Devlin et al. 2019), small as MiniLM (Wang et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.layers.attention import Attention
from vit_perception.layers.block import Mlp


@dataclass(frozen=True)
class TextConfig:
    """Shape of the encoder; the standard values are those of all-MiniLM-L6-v2. max_length: tokens."""

    vocab_size: int = 30522
    embed_dim: int = 384
    depth: int = 6
    num_heads: int = 12
    mlp_ratio: float = 4.0
    max_length: int = 512
    num_types: int = 2
    norm_eps: float = 1e-12

    def __post_init__(self) -> None:
        for name in ("vocab_size", "embed_dim", "depth", "num_heads", "max_length", "num_types"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")


class TextFeatures(NamedTuple):
    """tokens: (B, T, D), one a word piece. sentence: (B, D) of length one, the mean of the tokens that are
    not padding, by whose cosine sentences compare. mask: (B, T) bool, False on padding."""

    tokens: Tensor
    sentence: Tensor
    mask: Tensor


class TextBlock(nn.Module):
    """Post-norm block, as BERT has it: each norm after its sum. (B, T, D) keeps its shape."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        dim = config.embed_dim
        self.attn = Attention(dim, config.num_heads)
        self.norm1 = nn.LayerNorm(dim, eps=config.norm_eps)
        self.mlp = Mlp(dim, int(dim * config.mlp_ratio))
        self.norm2 = nn.LayerNorm(dim, eps=config.norm_eps)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        attended, _ = self.attn(x, bias=bias)
        x = self.norm1(x + attended)
        encoded: Tensor = self.norm2(x + self.mlp(x))
        return encoded


class TextEncoder(nn.Module):
    """Token ids (B, T) and mask (B, T), True where there is a token → TextFeatures."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.embed_dim
        self.word_embed = nn.Embedding(config.vocab_size, dim)
        self.pos_embed = nn.Embedding(config.max_length, dim)
        self.type_embed = nn.Embedding(config.num_types, dim)
        self.norm = nn.LayerNorm(dim, eps=config.norm_eps)
        self.blocks = nn.ModuleList(TextBlock(config) for _ in range(config.depth))

    def forward(self, ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode; all tokens are of the first type, as in a single sentence.

        Raises:
            ValueError: ids and mask differ in shape, or the sentences are longer than max_length.
        """
        if ids.ndim != 2 or ids.shape != mask.shape:
            raise ValueError(f"ids {tuple(ids.shape)} and mask {tuple(mask.shape)} are not both (B, T)")
        length = ids.shape[1]
        if length > self.config.max_length:
            raise ValueError(
                f"{length} tokens are more than this encoder's {self.config.max_length}: cut the text"
            )
        positions = torch.arange(length, device=ids.device)
        x = self.word_embed(ids) + self.pos_embed(positions) + self.type_embed.weight[0]
        x = self.norm(x)
        mask = mask.bool()
        bias = torch.zeros(mask.shape, dtype=x.dtype, device=x.device).masked_fill(~mask, -torch.inf)
        for block in self.blocks:
            x = block(x, bias[:, None, None])
        counted = mask.unsqueeze(-1).to(x.dtype)
        mean = (x * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1.0)
        return TextFeatures(x, F.normalize(mean, dim=-1), mask)
