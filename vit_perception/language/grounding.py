"""Vision and language: image tokens and words read each other by cross-attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures
from vit_perception.language.text_encoder import TextFeatures
from vit_perception.layers.attention import CrossAttention


class LanguageHead(nn.Module):
    """TokenFeatures of B images and TextFeatures of B sentences → what a sentence means in its image.

    First the words look at the patches, then the patches listen to the words that have looked (as in
    LXMERT, Tan and Bansal 2019). `language_relevance` (B, gh, gw): for each patch the logit that the
    sentence speaks of it; `language_match` (B, 1): the logit that it speaks of this image at all.
    """

    def __init__(self, embed_dim: int, text_dim: int, num_heads: int) -> None:
        super().__init__()
        self.words = nn.Linear(text_dim, embed_dim)
        self.norm_words, self.norm_patches = nn.LayerNorm(embed_dim), nn.LayerNorm(embed_dim)
        self.look = CrossAttention(embed_dim, num_heads)
        self.norm_looked = nn.LayerNorm(embed_dim)
        self.listen = CrossAttention(embed_dim, num_heads)
        self.norm_told, self.norm_sentence = nn.LayerNorm(embed_dim), nn.LayerNorm(embed_dim)
        self.bias = nn.Parameter(torch.zeros(1))
        self.match = nn.Linear(2 * embed_dim, 1)

    def forward(self, features: TokenFeatures, text: TextFeatures) -> dict[str, Tensor]:
        """Raises:
        ValueError: there are not as many sentences as images.
        """
        patches = features.patch_tokens
        if len(text.tokens) != len(patches):
            raise ValueError(
                f"{len(text.tokens)} sentences do not go with {len(patches)} images: give one each"
            )
        words = self.words(text.tokens)
        looked = words + self.look(self.norm_words(words), self.norm_patches(patches))
        told = self.norm_told(
            patches + self.listen(self.norm_patches(patches), self.norm_looked(looked), text.mask)
        )
        spoken = text.mask.unsqueeze(-1).to(looked.dtype)
        sentence = self.norm_sentence((looked * spoken).sum(dim=1) / spoken.sum(dim=1).clamp(min=1.0))
        relevance = (told @ sentence.unsqueeze(-1)).squeeze(-1) * told.shape[-1] ** -0.5 + self.bias
        seen = (relevance.softmax(dim=-1).unsqueeze(1) @ told).squeeze(1)
        return {
            "language_relevance": relevance.reshape(-1, *features.grid),
            "language_match": self.match(torch.cat([seen, sentence], dim=-1)),
        }
