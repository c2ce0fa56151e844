"""Models whose queries answer with a class and a mask each: Mask2Former, MaskFormer, OneFormer, EoMT.

One network serves for semantic, instance and panoptic segmentation, and neither config.json nor the processor
holds which of them its weights were trained for. It is read from a name with such a word in it, as
`...-instance`: that of the folder, or the `_name_or_path` of config.json. Without one it is panoptic, but for
MaskFormer on ADE20K, which is semantic. OneFormer can do all three, and gives the panoptic answer unless its
name has `semantic` in it. EoMT that splits images into crops is semantic.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from vit_perception.hub.families.files import CONFIG, read_json
from vit_perception.hub.families.hugging_face.checkpoint import Checkpoint
from vit_perception.hub.families.hugging_face.exportable import make_exportable
from vit_perception.hub.families.hugging_face.processors import kind_of, normalisation_of, recipe_of
from vit_perception.hub.families.hugging_face.query_crops import CropSegmenter
from vit_perception.hub.families.hugging_face.query_segmenter import (
    QuerySegmenter,
    gives_attention,
    task_tokens,
)
from vit_perception.hub.families.hugging_face.resizable import make_resizable
from vit_perception.hub.public_model import Facts, PublicModel

# The library's choice, fused where it can be; the one layer whose weights are read is another matter.
ATTENTION = None

_EOMT = ("EomtForUniversalSegmentation", "EomtDinov3ForUniversalSegmentation")
_ONE_FORMER = "OneFormerForUniversalSegmentation"
_MASK_FORMER = "MaskFormerForInstanceSegmentation"
_HANDLED = ("Mask2FormerForUniversalSegmentation", _MASK_FORMER, _ONE_FORMER, *_EOMT)
_KINDS = ("panoptic", "instance", "semantic")


def handles(class_name: str) -> bool:
    return class_name in _HANDLED


def facts(checkpoint: Checkpoint) -> Facts:
    mean, std = normalisation_of(checkpoint.processor)
    rule = _rule(checkpoint)
    semantic = rule["kind"] in ("semantic", "logits")
    if rule["kind"] == "logits":
        trained: tuple[str, ...] = ("segmentation",)
    else:
        trained = ("segmentation.queries", *(() if semantic else ("detection.queries",)))
        trained += ("attention",) if gives_attention(checkpoint.class_name) else ()
    return Facts(
        task="segmentation",
        labels=checkpoint.labels,
        things=() if semantic else tuple(range(len(checkpoint.labels))),
        trained=trained,
        recipe=recipe_of(checkpoint.processor),
        mean=mean,
        std=std,
        thresholds={} if semantic else {"detection": 0.5},
        decoding={"segmentation": rule},
    )


def wrap(model: nn.Module, checkpoint: Checkpoint) -> PublicModel:
    make_exportable(model)
    make_resizable(model)
    if _splits(checkpoint):
        return CropSegmenter(model, checkpoint.processor.size["shortest_edge"])
    task = task_tokens(checkpoint, kind(checkpoint)) if checkpoint.class_name == _ONE_FORMER else None
    return QuerySegmenter(model, task)


def kind(checkpoint: Checkpoint) -> str:
    """What a checkpoint was trained for, see above."""
    known = read_json(checkpoint.folder / CONFIG).get("_name_or_path") or ""
    for name in (checkpoint.folder.name, str(known)):
        words = name.lower().replace("_", "-").replace("/", "-").split("-")
        for each in _KINDS:
            if each in words and not (checkpoint.class_name == _ONE_FORMER and each == "instance"):
                return each
        if checkpoint.class_name == _MASK_FORMER and ("ade" in words or "ade20k" in words):
            return "semantic"
    return "panoptic"


def _rule(checkpoint: Checkpoint) -> dict[str, Any]:
    """What the processor's `post_process_..._segmentation` does."""
    if _splits(checkpoint):
        return {"kind": "logits"}
    rule: dict[str, Any] = {"kind": kind(checkpoint)}
    processor = kind_of(checkpoint.processor)
    if processor == "Mask2Former":
        rule["through"] = (384, 384)
    elif processor == "Eomt":
        size = checkpoint.processor.size
        height = size["shortest_edge"]
        rule |= {"threshold": 0.8, "through": (height, size.get("longest_edge") or height)}
        rule["interpolated"] = "probabilities" if rule["kind"] == "semantic" else "logits"
    return rule


def _splits(checkpoint: Checkpoint) -> bool:
    return checkpoint.class_name in _EOMT and bool(checkpoint.processor.do_split_image)
