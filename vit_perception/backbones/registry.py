"""Every backbone by its family, and every standard size by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from vit_perception.backbones import (
    cvt,
    deit,
    dinov2,
    efficientnet_lite,
    hybrid,
    mobilevit,
    mobilevit_v2,
    mvit,
    swin,
    swin_v2,
    vit,
    vitdet,
)
from vit_perception.backbones.backbone import Backbone

# Family → (class of its config, class of its backbone).
FAMILIES: dict[str, tuple[type[Any], type[Backbone]]] = {
    "vit": (vit.ViTConfig, vit.VisionTransformer),
    "swin": (swin.SwinConfig, swin.Swin),
    "swin_v2": (swin_v2.SwinV2Config, swin_v2.SwinV2),
    "mobilevit": (mobilevit.MobileVitConfig, mobilevit.MobileVit),
    "mobilevit_v2": (mobilevit_v2.MobileVitV2Config, mobilevit_v2.MobileVitV2),
    "mvit": (mvit.MvitConfig, mvit.Mvit),
    "cvt": (cvt.CvtConfig, cvt.Cvt),
    "hybrid": (hybrid.HybridConfig, hybrid.Hybrid),
    "efficientnet_lite": (efficientnet_lite.EfficientNetLiteConfig, efficientnet_lite.EfficientNetLite),
    "vitdet": (vitdet.VitDetConfig, vitdet.VitDetBackbone),
}

# Name of a standard variant → its config. As in timm, a name has the family, the size and what differs.
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
    **hybrid.VARIANTS,
    **efficientnet_lite.VARIANTS,
    **vitdet.VARIANTS,
}


def family_of(config: Any) -> str:
    """The family of a config.

    Raises:
        ValueError: it is not the config of a family in FAMILIES.
    """
    for family, (kind, _) in FAMILIES.items():
        if type(config) is kind:
            return family
    raise ValueError(f"{type(config).__name__} is not the config of a known family: {', '.join(FAMILIES)}")


def make_backbone(config: Any) -> Backbone:
    """Build the backbone of a config, with random weights."""
    return FAMILIES[family_of(config)][1](config)


def build_backbone(settings: Mapping[str, Any]) -> Backbone:
    """Build the backbone that a model card describes.

    Args:
        settings: `family` (a key of FAMILIES) and fields of its config, or `variant` (a key of VARIANTS) and
            the fields in which the backbone differs from it.

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
