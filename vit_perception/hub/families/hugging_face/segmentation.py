"""`AutoModelForSemanticSegmentation`: SegFormer, UPerNet, DPT, BEiT, Data2Vec, MobileViT."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from vit_perception.hub.families.attention import rollout_row
from vit_perception.hub.families.hugging_face.attention import gives_attention, patch_size
from vit_perception.hub.families.hugging_face.checkpoint import Checkpoint
from vit_perception.hub.families.hugging_face.exportable import make_exportable
from vit_perception.hub.families.hugging_face.processors import flips_channels, normalisation_of, recipe_of
from vit_perception.hub.public_model import Facts, PublicModel

_HANDLED = (
    "SegformerForSemanticSegmentation",
    "UperNetForSemanticSegmentation",
    "DPTForSemanticSegmentation",
    "BeitForSemanticSegmentation",
    "Data2VecVisionForSemanticSegmentation",
    "MobileViTForSemanticSegmentation",
    "MobileViTV2ForSemanticSegmentation",
)


def handles(class_name: str) -> bool:
    return class_name in _HANDLED


def facts(checkpoint: Checkpoint) -> Facts:
    mean, std = normalisation_of(checkpoint.processor)
    return Facts(
        task="segmentation",
        labels=checkpoint.labels,
        trained=("segmentation", *(("attention",) if _has_grid(checkpoint) else ())),
        recipe=recipe_of(checkpoint.processor),
        mean=mean,
        std=std,
        decoding={"segmentation": {"kind": "logits"}},
    )


def wrap(model: nn.Module, checkpoint: Checkpoint) -> PublicModel:
    make_exportable(model)
    return _Segmenter(model, _has_grid(checkpoint), flips_channels(checkpoint.processor))


def _has_grid(checkpoint: Checkpoint) -> bool:
    """Whether its blocks' attention lies on one regular grid."""
    plain_dpt = checkpoint.class_name == "DPTForSemanticSegmentation" and not (
        checkpoint.config.backbone_config or checkpoint.config.is_hybrid
    )
    return plain_dpt or gives_attention(checkpoint)


class _Segmenter(PublicModel):
    def __init__(self, model: nn.Module, attention: bool, flip: bool) -> None:
        super().__init__(model)
        self.outputs = ("segmentation", *(("attention",) if attention else ()))
        self.flip = flip

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        attention = attention and "attention" in self.outputs
        flags: dict[str, Any] = {"output_attentions": True} if attention else {}
        answer = self.model(pixel_values=image.flip(1) if self.flip else image, **flags)
        outputs = {"segmentation": answer.logits}
        if attention:
            patch = patch_size(self.model.config)
            grid = image.shape[2] // patch, image.shape[3] // patch
            # Classes are read off every patch, not off the class token.
            outputs["attention"] = rollout_row(answer.attentions, grid, pooled=True)
        return outputs
