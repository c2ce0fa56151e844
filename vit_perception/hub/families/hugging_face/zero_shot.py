"""CLIP, SigLIP and SigLIP 2 of one size: classes are prompts, scored by how well they fit the image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.hub.families.hugging_face.attention import class_attention
from vit_perception.hub.families.hugging_face.checkpoint import Checkpoint
from vit_perception.hub.families.hugging_face.processors import normalisation_of, recipe_of
from vit_perception.hub.families.hugging_face.tokenizers import check_lengths, tokenizer_of
from vit_perception.hub.public_model import Facts, PublicModel
from vit_perception.runtime.prompts import template_of

# SigLIP reads the last token, so that all texts were as long as this in training.
_SIGLIP_TOKENS = 64


def handles(class_name: str) -> bool:
    return class_name in ("CLIPModel", "SiglipModel")


def facts(checkpoint: Checkpoint) -> Facts:
    mean, std = normalisation_of(checkpoint.processor)
    return Facts(
        task="classification",
        labels=(),
        trained=("classification", "attention"),
        recipe=recipe_of(checkpoint.processor),
        mean=mean,
        std=std,
        # Few prompts, whose scores depend on one another or are small: whoever reads them decides.
        thresholds={"classification": 0.0},
        decoding={"classification": {"activation": "sigmoid" if _is_siglip(checkpoint) else "softmax"}},
        open_vocabulary=True,
    )


def wrap(model: nn.Module, checkpoint: Checkpoint) -> PublicModel:
    return _ZeroShotClassifier(model, checkpoint.folder, _is_siglip(checkpoint))


def _is_siglip(checkpoint: Checkpoint) -> bool:
    return checkpoint.class_name == "SiglipModel"


class _ZeroShotClassifier(PublicModel):
    """Classes are prompts; `text` is (P, D), each of length one."""

    inputs = ("text",)
    free_axes = MappingProxyType({"text": {0: "prompts"}, "classification": {1: "prompts"}})
    outputs = ("classification", "attention")

    def __init__(self, model: nn.Module, folder: Path, siglip: bool) -> None:
        super().__init__(model)
        self._folder, self._siglip = folder, siglip

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        model: Any = self.model
        flags: dict[str, Any] = {"output_attentions": True} if attention else {}
        answer = model.get_image_features(pixel_values=image, **flags)
        near = _unit(answer.pooler_output) @ extra["text"].to(image.dtype).T
        logits = near * model.logit_scale.exp()
        outputs = {"classification": logits + model.logit_bias if self._siglip else logits}
        if attention:
            outputs["attention"] = class_attention(answer.attentions, image, model.config.vision_config)
        return outputs

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> dict[str, Tensor]:
        model: Any = self.model
        tokenizer = tokenizer_of(self._folder)
        texts = [template_of(type(model).__name__).format(prompt) for prompt in prompts]
        if self._siglip:
            tokens = tokenizer(
                texts, return_tensors="pt", padding="max_length", max_length=_SIGLIP_TOKENS, truncation=True
            )
        else:
            tokens = tokenizer(texts, return_tensors="pt", padding=True)
            lengths = tokens["attention_mask"].sum(dim=1).tolist()
            check_lengths(prompts, lengths, model.config.text_config.max_position_embeddings)
        return {"text": _unit(model.get_text_features(**tokens).pooler_output)}


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True)
