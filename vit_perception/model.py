"""One backbone, one forward pass, every head on the same tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.registry import build_backbone
from vit_perception.heads.classification import ClassificationHead
from vit_perception.heads.detection import DetectionHead
from vit_perception.heads.navigation import NavigationHead
from vit_perception.heads.pyramid import PyramidConfig, SimpleFeaturePyramid
from vit_perception.heads.segmentation import SegmentationHead

# Heads of whole-image tokens, and heads of the pyramid that both dense tasks share.
TOKEN_HEADS = ("classification", "navigation")
DENSE_HEADS = ("detection", "segmentation")


class PerceptionModel(nn.Module):
    """Images (B, C, H, W), and for navigation an optional goal (B, 3), → named raw outputs.

    Outputs are those of each head (see `heads/`) and, with `attention=True`, `attention`
    (B, heads, gh, gw): what the last block's class token reads. `heads` maps task names to modules;
    dense heads need `pyramid`.

    Raises:
        ValueError: a head is unknown, or a dense head has no pyramid.
    """

    def __init__(
        self,
        backbone: Backbone,
        heads: Mapping[str, nn.Module],
        pyramid: SimpleFeaturePyramid | None = None,
    ) -> None:
        super().__init__()
        for task in heads:
            if task not in TOKEN_HEADS + DENSE_HEADS:
                raise ValueError(f"unknown head {task!r}: choose from {', '.join(TOKEN_HEADS + DENSE_HEADS)}")
            if task in DENSE_HEADS and pyramid is None:
                raise ValueError(f"head {task!r} reads a feature pyramid: pass one")
        self.backbone = backbone
        self.pyramid = pyramid
        self.heads = nn.ModuleDict(heads)

    def forward(
        self, image: Tensor, goal: Tensor | None = None, attention: bool = False
    ) -> dict[str, Tensor]:
        last = self.backbone.num_blocks - 1
        features = self.backbone(
            image,
            layers=self.pyramid.config.layers if self.pyramid else (),
            attention_layers=(last,) if attention else (),
        )
        outputs: dict[str, Tensor] = {}
        levels = self.pyramid(features) if self.pyramid else {}
        for task, head in self.heads.items():
            if task in DENSE_HEADS:
                outputs |= head(levels)
            elif task == "navigation":
                outputs |= head(features, goal)
            else:
                outputs |= head(features)
        if attention:
            outputs["attention"] = features.attention[last].spatial()
        return outputs


def build_model(architecture: Mapping[str, Any]) -> PerceptionModel:
    """Build from a model card's `architecture`: `backbone` (ViTConfig fields), `pyramid`
    (PyramidConfig fields), `num_classes`, `num_things`, `num_actions`.

    Raises:
        ValueError: a field is missing, unknown or wrong.
    """
    expected = {"backbone", "pyramid", "num_classes", "num_things", "num_actions"}
    if set(architecture) != expected:
        raise ValueError(f"architecture has fields {sorted(architecture)}, not {sorted(expected)}")
    backbone = build_backbone(architecture["backbone"])
    try:
        pyramid_config = PyramidConfig(**architecture["pyramid"])
    except TypeError as error:
        raise ValueError(f"architecture: {error}") from error
    for index in pyramid_config.layers:
        if not 0 <= index < len(backbone.feature_info):
            raise ValueError(
                f"pyramid layer {index} does not exist: the backbone has {len(backbone.feature_info)}"
            )
    pyramid = SimpleFeaturePyramid(pyramid_config, backbone.embed_dim, backbone.stride)
    heads = {
        "classification": ClassificationHead(backbone.embed_dim, architecture["num_classes"]),
        "detection": DetectionHead(pyramid_config, pyramid.strides, architecture["num_things"]),
        "segmentation": SegmentationHead(pyramid_config, architecture["num_classes"]),
        "navigation": NavigationHead(backbone.embed_dim, backbone.num_heads, architecture["num_actions"]),
    }
    return PerceptionModel(backbone, heads, pyramid)
