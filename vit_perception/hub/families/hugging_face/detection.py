"""`AutoModelForObjectDetection`: YOLOS and the family of DETR, which answer with a set of boxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.hub.families.hugging_face.checkpoint import Checkpoint
from vit_perception.hub.families.hugging_face.detr_attention import (
    attention_of,
    compute_weights,
    gives_attention,
    grid_seen,
)
from vit_perception.hub.families.hugging_face.exportable import make_exportable
from vit_perception.hub.families.hugging_face.processors import kind_of, normalisation_of, recipe_of
from vit_perception.hub.public_model import Facts, PublicModel

# The library's choice, fused where it can be; see `detr_attention` for the weights.
ATTENTION = None

_HANDLED = (
    "YolosForObjectDetection",
    "DetrForObjectDetection",
    "TableTransformerForObjectDetection",
    "ConditionalDetrForObjectDetection",
    "DabDetrForObjectDetection",
    "DeformableDetrForObjectDetection",
    "RTDetrForObjectDetection",
    "RTDetrV2ForObjectDetection",
    "DFineForObjectDetection",
    "Deimv2ForObjectDetection",
    "LwDetrForObjectDetection",
    "RfDetrForObjectDetection",
)
# It is the processor that reads the answers: `post_process_object_detection` of each, by its kind.
_RULES: dict[str, dict[str, Any]] = {
    "Yolos": {"kind": "softmax"},
    "Detr": {"kind": "softmax"},
    "ConditionalDetr": {"kind": "topk", "limit": 100},
    "DeformableDetr": {"kind": "topk", "limit": 100},
    "RTDetr": {"kind": "topk"},
    "RfDetr": {"kind": "topk"},
}


def handles(class_name: str) -> bool:
    return class_name in _HANDLED


def facts(checkpoint: Checkpoint) -> Facts:
    mean, std = normalisation_of(checkpoint.processor)
    return Facts(
        task="detection",
        labels=checkpoint.labels,
        things=tuple(range(checkpoint.config.num_labels)),
        trained=("detection", *(("attention",) if gives_attention(checkpoint.class_name) else ())),
        recipe=recipe_of(checkpoint.processor),
        mean=mean,
        std=std,
        thresholds={"detection": 0.5},  # as in transformers' pipeline
        decoding={"detection": {**_rule(checkpoint), "boxes": "of_frame"}},
    )


def wrap(model: nn.Module, checkpoint: Checkpoint) -> PublicModel:
    make_exportable(model)
    processor = checkpoint.processor
    padded = bool(getattr(processor, "do_pad", False) and getattr(processor, "pad_size", None))
    # YOLOS takes no mask: it looks at the padding, too.
    return _Detector(model, padded and checkpoint.class_name != "YolosForObjectDetection", _rule(checkpoint))


def _rule(checkpoint: Checkpoint) -> dict[str, Any]:
    """How the answers are read.

    Raises:
        ValueError: the processor is of another kind of model.
    """
    # RF-DETR is published with DETR's processor, too, whose softmax its scores are not made for.
    own = checkpoint.class_name == "RfDetrForObjectDetection"
    kind = "RfDetr" if own else kind_of(checkpoint.processor)
    if kind not in _RULES:
        raise ValueError(
            f"{checkpoint.folder} has a {type(checkpoint.processor).__name__}, which reads no boxes of a "
            f"{checkpoint.class_name}: choose a model whose processor is one of {', '.join(_RULES)}"
        )
    return _RULES[kind]


class _Detector(PublicModel):
    """Boxes and scores of queries. With padded frames it takes `content`, see `cards/raw_outputs.py`."""

    def __init__(self, model: nn.Module, padded: bool, rule: Mapping[str, Any]) -> None:
        super().__init__(model)
        attention = gives_attention(type(model).__name__)
        self.inputs = ("content",) if padded else ()
        self.outputs = ("detection_boxes", "detection_scores", *(("attention",) if attention else ()))
        self._softmax = rule["kind"] == "softmax"
        if attention:
            compute_weights(model)

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        given: dict[str, Tensor] = {}
        if self.inputs:
            given["pixel_mask"] = mask = _mask(image, extra["content"])
            # Exactly zero, as the library pads after normalising; in bytes it was only nearly the mean.
            image = image * mask[:, None]
        if not attention or "attention" not in self.outputs:
            return self._boxes(self.model(pixel_values=image, **given))
        with grid_seen(self.model) as grids:
            answer = self.model(pixel_values=image, output_attentions=True, **given)
        return self._boxes(answer) | {"attention": attention_of(answer, grids[0], self._best(answer.logits))}

    def _boxes(self, answer: Any) -> dict[str, Tensor]:
        return {"detection_boxes": answer.pred_boxes, "detection_scores": answer.logits}

    def _best(self, logits: Tensor) -> Tensor:
        """Score of each query's best class."""
        scores = logits.softmax(dim=-1)[..., :-1] if self._softmax else logits.sigmoid()
        return scores.amax(dim=-1)


def _mask(image: Tensor, content: Tensor) -> Tensor:
    """(B, H, W) int64: one where there is frame."""
    rows = torch.arange(image.shape[2], device=image.device)
    columns = torch.arange(image.shape[3], device=image.device)
    inside = (rows[:, None] < content[:, :1, None]) & (columns[None] < content[:, 1:, None])
    return inside.long()
