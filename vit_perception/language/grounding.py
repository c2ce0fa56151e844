"""Language grounding: which patches of an image a sentence refers to."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures
from vit_perception.language.text_encoder import TextFeatures
from vit_perception.layers.attention import CrossAttention


class LanguageHead(nn.Module):
    """Image features and text features → where, and whether, the image shows what the sentence names.

    Two cross-attentions, as in LXMERT (Tan and Bansal 2019): first text-to-image, in which the words attend
    to the patches, then image-to-text, in which the patches attend to the words. The relevance of a patch is
    its dot product with the mean of the words.

    Args:
        embed_dim: D, channels of the image's tokens.
        text_dim: channels of the text's tokens.
        num_heads: attention heads; they divide `embed_dim`.
    """

    def __init__(self, embed_dim: int, text_dim: int, num_heads: int) -> None:
        super().__init__()
        self.text_proj = nn.Linear(text_dim, embed_dim)
        self.norm_text, self.norm_image = nn.LayerNorm(embed_dim), nn.LayerNorm(embed_dim)
        self.text_to_image = CrossAttention(embed_dim, num_heads)
        self.norm_fused_text = nn.LayerNorm(embed_dim)
        self.image_to_text = CrossAttention(embed_dim, num_heads)
        self.norm_fused_image, self.norm_sentence = nn.LayerNorm(embed_dim), nn.LayerNorm(embed_dim)
        self.relevance_bias = nn.Parameter(torch.zeros(1))
        self.match = nn.Linear(2 * embed_dim, 1)

    def forward(self, features: TokenFeatures, text: TextFeatures) -> dict[str, Tensor]:
        """Ground one sentence in each image.

        Args:
            features: of B images.
            text: of B sentences, one for each image.

        Returns:
            `language_relevance` (B, gh, gw): for each patch the logit that the sentence refers to it.
            `language_match` (B, 1): the logit that the sentence describes the image at all.

        Raises:
            ValueError: there are not as many sentences as images.
        """
        patches = features.patch_tokens
        if len(text.tokens) != len(patches):
            raise ValueError(
                f"{len(text.tokens)} sentences do not go with {len(patches)} images: give one each"
            )
        words = self.text_proj(text.tokens)
        normed_patches = self.norm_image(patches)
        words = words + self.text_to_image(self.norm_text(words), normed_patches)
        attended = self.image_to_text(normed_patches, self.norm_fused_text(words), text.mask)
        patches = self.norm_fused_image(patches + attended)
        mask = text.mask.unsqueeze(-1).to(words.dtype)
        sentence = self.norm_sentence((words * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0))
        scale = patches.shape[-1] ** -0.5
        relevance = (patches @ sentence.unsqueeze(-1)).squeeze(-1) * scale + self.relevance_bias
        region = (relevance.softmax(dim=-1).unsqueeze(1) @ patches).squeeze(1)
        return {
            "language_relevance": relevance.reshape(-1, *features.grid),
            "language_match": self.match(torch.cat([region, sentence], dim=-1)),
        }
