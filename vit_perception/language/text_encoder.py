"""A text encoder with BERT's architecture (Devlin et al. 2019), by default in MiniLM's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.layers.attention import Attention
from vit_perception.layers.block import Mlp
from vit_perception.layers.checks import check_counts, check_numbers


@dataclass(frozen=True)
class TextConfig:
    """Architecture of the text encoder. The defaults are those of all-MiniLM-L6-v2.

    Attributes:
        vocab_size: number of different tokens.
        embed_dim: D, channels of a token.
        depth: number of blocks.
        num_heads: attention heads of each block; they divide `embed_dim`.
        mlp_ratio: hidden channels of the MLP over `embed_dim`.
        max_length: the longest text in tokens.
        num_types: number of token types, which BERT uses for pairs of sentences.
        norm_eps: epsilon of LayerNorm, in (0, 1).

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    vocab_size: int = 30522
    embed_dim: int = 384
    depth: int = 6
    num_heads: int = 12
    mlp_ratio: float = 4.0
    max_length: int = 512
    num_types: int = 2
    norm_eps: float = 1e-12

    def __post_init__(self) -> None:
        check_counts(self, "vocab_size", "embed_dim", "depth", "num_heads", "max_length", "num_types")
        check_numbers(self, "mlp_ratio")
        check_numbers(self, "norm_eps", high=1.0)


class TextFeatures(NamedTuple):
    """What the text encoder returns for B sentences.

    Attributes:
        tokens: (B, T, D), one for each word piece.
        sentence: (B, D), the mean of the tokens without padding, normalised to length one, so that the dot
            product of two sentences is their cosine similarity.
        mask: (B, T) bool, False for padding.
    """

    tokens: Tensor
    sentence: Tensor
    mask: Tensor


class TextBlock(nn.Module):
    """Post-norm block, as in BERT, (B, T, D) → (B, T, D): `norm1(x + attn(x))`, then `norm2(x + mlp(x))`."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        dim = config.embed_dim
        self.attn = Attention(dim, config.num_heads)
        self.norm1 = nn.LayerNorm(dim, eps=config.norm_eps)
        self.mlp = Mlp(dim, int(dim * config.mlp_ratio))
        self.norm2 = nn.LayerNorm(dim, eps=config.norm_eps)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Encode; `bias` (B, 1, 1, T) is added to the attention logits, -∞ for padding."""
        attended, _ = self.attn(x, bias=bias)
        x = self.norm1(x + attended)
        encoded: Tensor = self.norm2(x + self.mlp(x))
        return encoded


class TextEncoder(nn.Module):
    """Token ids → TextFeatures."""

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
        """Encode single sentences: all tokens are of the first type.

        Args:
            ids: (B, T) int64, token ids.
            mask: (B, T), nonzero for tokens and zero for padding.

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
        present = mask.unsqueeze(-1).to(x.dtype)
        mean = (x * present).sum(dim=1) / present.sum(dim=1).clamp(min=1.0)
        return TextFeatures(x, F.normalize(mean, dim=-1), mask)
