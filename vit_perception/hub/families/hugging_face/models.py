"""Models of Hugging Face's transformers: which module of this package speaks for which of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from vit_perception.hub.families.hugging_face import (
    classification,
    depth,
    detection,
    open_vocabulary,
    segmentation,
    universal,
    zero_shot,
)
from vit_perception.hub.families.hugging_face.checkpoint import check_weights, class_of, read_checkpoint
from vit_perception.hub.public_model import Facts, PublicModel
from vit_perception.hub.reasons import reason_of

# Each has `handles(class_name)`, `facts(checkpoint)` and `wrap(model, checkpoint)`; no class is of two.
FAMILIES: tuple[ModuleType, ...] = (
    classification,
    depth,
    detection,
    open_vocabulary,
    segmentation,
    universal,
    zero_shot,
)


def _transformers() -> Any:
    """The library, telling of errors alone."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def build(architecture: Mapping[str, Any], folder: Path) -> PublicModel:
    """The module for a checkpoint's settings, its weights not set."""
    transformers = _transformers()
    family = _family(folder)
    checkpoint = read_checkpoint(folder)
    model_class = getattr(transformers, checkpoint.class_name)
    facts: Facts = family.facts(checkpoint)
    model = model_class._from_config(checkpoint.config, attn_implementation=_attention(family, facts))
    wrapped: PublicModel = family.wrap(model, checkpoint)
    return wrapped


def open_checkpoint(folder: Path) -> tuple[PublicModel, Facts, dict[str, Any]]:
    """See `build.open_public`."""
    transformers = _transformers()
    family = _family(folder)
    checkpoint = read_checkpoint(folder)
    facts: Facts = family.facts(checkpoint)
    check_weights(folder)
    model_class = getattr(transformers, checkpoint.class_name)
    try:
        model, loading = model_class.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation=_attention(family, facts),
            output_loading_info=True,
        )
    except Exception as error:  # safetensors and transformers each have errors of their own
        raise ValueError(
            f"the weights in {folder} cannot be read: {reason_of(error)}; download them again"
        ) from error
    if missing := sorted(loading["missing_keys"]):
        raise ValueError(
            f"the weights in {folder} lack {missing[0]!r} and {len(missing) - 1} more: they are not "
            f"of a trained {checkpoint.class_name}"
        )
    architecture = {"library": "transformers", "class": checkpoint.class_name}
    return family.wrap(model.float().eval(), checkpoint), facts, architecture


def check(folder: Path) -> None:
    """See `build.check_public`."""
    _transformers()
    family = _family(folder)
    family.facts(read_checkpoint(folder))


def _attention(family: ModuleType, facts: Facts) -> str | None:
    """Fused attention gives no weights; a family that asks for those of single layers may choose."""
    return getattr(family, "ATTENTION", "eager" if "attention" in facts.trained else None)


def _family(folder: Path) -> ModuleType:
    class_name = class_of(folder)
    for family in FAMILIES:
        if family.handles(class_name):
            return family
    raise ValueError(
        f"{folder} holds a {class_name}, which answers none of our tasks: choose a model for "
        "image classification, object detection, segmentation or depth estimation"
    )
