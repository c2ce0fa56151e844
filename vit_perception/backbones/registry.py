"""Every backbone by its family, and every standard size by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from vit_perception.backbones import (
    cvt,
    deit,
    dinov2,
    mobilevit,
    mobilevit_v2,
    mvit,
    swin,
    swin_v2,
    vit,
    vitdet,
)
from vit_perception.backbones.backbone import Backbone

# Family → its config, its backbone.
FAMILIES: dict[str, tuple[type[Any], type[Backbone]]] = {
    "vit": (vit.ViTConfig, vit.VisionTransformer),
    "swin": (swin.SwinConfig, swin.Swin),
    "swin_v2": (swin_v2.SwinV2Config, swin_v2.SwinV2),
    "mobilevit": (mobilevit.MobileVitConfig, mobilevit.MobileVit),
    "mobilevit_v2": (mobilevit_v2.MobileVitV2Config, mobilevit_v2.MobileVitV2),
    "mvit": (mvit.MvitConfig, mvit.Mvit),
    "cvt": (cvt.CvtConfig, cvt.Cvt),
    "vitdet": (vitdet.VitDetConfig, vitdet.VitDetBackbone),
}

# Standard name → config. A name says family, size and what differs, as timm's do.
VARIANTS: dict[str, Any] = {
    **vit.VARIANTS,
    **deit.VARIANTS,
    **dinov2.VARIANTS,
    **swin.VARIANTS,
    **swin_v2.VARIANTS,
    **mobilevit.VARIANTS,
    **mobilevit_v2.VARIANTS,
    **mvit.VARIANTS,
    **cvt.VARIANTS,
    **vitdet.VARIANTS,
}


def family_of(config: Any) -> str:
    """The family that a config is of."""
    for family, (kind, _) in FAMILIES.items():
        if type(config) is kind:
            return family
    raise ValueError(f"{type(config).__name__} is not the config of a known family: {', '.join(FAMILIES)}")


def make_backbone(config: Any) -> Backbone:
    """The backbone of a config, with random weights."""
    return FAMILIES[family_of(config)][1](config)


def build_backbone(settings: Mapping[str, Any]) -> Backbone:
    """From a model card: `family` and its config's fields, or `variant` and the fields that differ.

    Raises:
        ValueError: the family, the variant or a field is unknown, or a value is wrong.
    """
    fields = dict(settings)
    family, variant = fields.pop("family", None), fields.pop("variant", None)
    if (family is None) == (variant is None):
        raise ValueError(f"backbone names neither or both of family and variant: {dict(settings)}")
    try:
        if variant is not None:
            if variant not in VARIANTS:
                raise ValueError(f"unknown variant {variant!r}: choose from {', '.join(VARIANTS)}")
            return make_backbone(dataclasses.replace(VARIANTS[variant], **fields))
        if family not in FAMILIES:
            raise ValueError(f"unknown family {family!r}: choose from {', '.join(FAMILIES)}")
        return make_backbone(FAMILIES[family][0](**fields))
    except TypeError as error:
        raise ValueError(f"backbone {variant or family}: {error}") from error
