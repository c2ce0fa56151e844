"""Models of Hugging Face's transformers, each opened by the family that its class is of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vit_perception.hub.families.files import check_weights
from vit_perception.hub.families.hugging_face import (
    classification,
    depth,
    detection,
    open_vocabulary,
    segmentation,
    universal,
    zero_shot,
)
from vit_perception.hub.families.hugging_face.checkpoint import class_of, read_settings
from vit_perception.hub.families.hugging_face.family import Family
from vit_perception.hub.public_model import Facts, PublicModel
from vit_perception.hub.reasons import reason_of

# What each offers is in `family.py`.
FAMILIES: tuple[Family, ...] = (
    classification,
    depth,
    detection,
    open_vocabulary,
    segmentation,
    universal,
    zero_shot,
)


def handles(config: Mapping[str, Any]) -> bool:
    """Every config.json that is of no other library: its class is looked up when the model is opened."""
    return True


def _transformers() -> Any:
    """The library, quiet but for errors."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def build(architecture: Mapping[str, Any], folder: Path) -> PublicModel:
    """See `Library`."""
    transformers = _transformers()
    family = _family(folder)
    checkpoint = read_settings(folder)
    model_class = getattr(transformers, checkpoint.class_name)
    facts = family.facts(checkpoint)
    model = model_class._from_config(checkpoint.config, attn_implementation=_attention(family, facts))
    return family.wrap(model, checkpoint)


def open_checkpoint(folder: Path) -> tuple[PublicModel, Facts, dict[str, Any]]:
    """See `Library`."""
    transformers = _transformers()
    family = _family(folder)
    checkpoint = read_settings(folder)
    facts = family.facts(checkpoint)
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
    """See `Library`."""
    _transformers()
    family = _family(folder)
    family.facts(read_settings(folder))


def _attention(family: Family, facts: Facts) -> str | None:
    """What transformers is to compute attention with, see `Family`."""
    return getattr(family, "ATTENTION", "eager" if "attention" in facts.trained else None)


def _family(folder: Path) -> Family:
    class_name = class_of(folder)
    for family in FAMILIES:
        if family.handles(class_name):
            return family
    raise ValueError(
        f"{folder} holds a {class_name}, which answers none of our tasks: choose a model for "
        "image classification, object detection, segmentation or depth estimation"
    )
