"""`AutoModelForImageClassification`: ViT, DeiT, BEiT, Swin, MobileViT, DINOv2 and the like."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from vit_perception.hub.families.hugging_face.attention import class_attention, gives_attention
from vit_perception.hub.families.hugging_face.checkpoint import Checkpoint
from vit_perception.hub.families.hugging_face.exportable import make_exportable
from vit_perception.hub.families.hugging_face.processors import flips_channels, normalisation_of, recipe_of
from vit_perception.hub.public_model import Facts, PublicModel


def handles(class_name: str) -> bool:
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES

    names = MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES.values()
    return any(class_name in ((name,) if isinstance(name, str) else name) for name in names)


def facts(checkpoint: Checkpoint) -> Facts:
    mean, std = normalisation_of(checkpoint.processor)
    # As transformers' pipeline does: one class of all, unless the checkpoint says that there may be several.
    several = checkpoint.config.problem_type == "multi_label_classification" or len(checkpoint.labels) == 1
    return Facts(
        task="classification",
        labels=checkpoint.labels,
        trained=("classification", *(("attention",) if gives_attention(checkpoint) else ())),
        recipe=recipe_of(checkpoint.processor),
        mean=mean,
        std=std,
        thresholds={"classification": 0.5 if several else 0.1},
        decoding={"classification": {"activation": "sigmoid" if several else "softmax"}},
    )


def wrap(model: nn.Module, checkpoint: Checkpoint) -> PublicModel:
    make_exportable(model)
    return _Classifier(model, gives_attention(checkpoint), flips_channels(checkpoint.processor))


class _Classifier(PublicModel):
    def __init__(self, model: nn.Module, attention: bool, flip: bool) -> None:
        super().__init__(model)
        self.outputs = ("classification", *(("attention",) if attention else ()))
        self.flip = flip

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        attention = attention and "attention" in self.outputs
        # Flags only where they are understood: not every model has attentions to give.
        flags: dict[str, Any] = {"output_attentions": True} if attention else {}
        answer = self.model(pixel_values=image.flip(1) if self.flip else image, **flags)
        outputs = {"classification": answer.logits}
        if attention:
            outputs["attention"] = class_attention(answer.attentions, image, self.model.config)
        return outputs
