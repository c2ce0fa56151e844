"""The model: one backbone, one forward pass, and every head on the same tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.features import TokenFeatures
from vit_perception.backbones.registry import build_backbone
from vit_perception.heads.action import ActionHead
from vit_perception.heads.classification import ALL_POOLINGS, ClassificationHead, DistilledHead
from vit_perception.heads.detection import DetectionHead
from vit_perception.heads.free_space import FreeSpaceHead
from vit_perception.heads.navigation import NavigationHead
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.heads.picodet import PicoDetHead
from vit_perception.heads.pyramid import FeaturePyramid, PyramidConfig, make_pyramid
from vit_perception.heads.segmentation import make_decoder

HEADS = ("classification", "detection", "segmentation", "navigation")
# Heads that need the feature pyramid.
DENSE_HEADS = ("detection", "segmentation")

_REQUIRED = {"backbone", "pyramid", "num_classes", "num_things", "num_actions"}
_OPTIONAL: dict[str, Any] = {"pooling": ALL_POOLINGS, "decoder": "pyramid", "navigation": None}


class PerceptionModel(nn.Module):
    """Images → the raw outputs of every head, by name (see `heads/`).

    Args:
        backbone: encodes the images.
        heads: task name, one of HEADS → head.
        pyramid: the feature pyramid, which DENSE_HEADS need.

    Raises:
        ValueError: a head is unknown, or a dense head has no pyramid.
    """

    def __init__(
        self,
        backbone: Backbone,
        heads: Mapping[str, nn.Module],
        pyramid: FeaturePyramid | None = None,
    ) -> None:
        super().__init__()
        for task in heads:
            if task not in HEADS:
                raise ValueError(f"unknown head {task!r}: choose from {', '.join(HEADS)}")
            if task in DENSE_HEADS and pyramid is None:
                raise ValueError(f"head {task!r} reads a feature pyramid: pass one")
        self.backbone = backbone
        self.pyramid = pyramid
        self.heads = nn.ModuleDict(heads)

    @property
    def navigation(self) -> NavigationConfig | None:
        """Of its navigator; None without one."""
        for head in self.heads.values():
            if isinstance(head, NavigationHead):
                return head.config
        return None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what it takes beside the image, which a graph of it has as inputs."""
        return self.navigation.inputs if self.navigation else ()

    def forward(self, image: Tensor, attention: bool = False, **navigation: Tensor) -> dict[str, Tensor]:
        """Run the backbone once, and every head on its features.

        Args:
            image: (B, C, H, W), normalised.
            attention: also return `attention` (B, heads, gh, gw), the attention of the last block's class
                token to each patch; not of a backbone that has no blocks.
            navigation: those of `inputs` that there are, see `NavigationHead`.

        Raises:
            ValueError: the model takes no such input, or it has the wrong shape.
        """
        if unknown := sorted(set(navigation) - set(self.inputs)):
            takes = ", ".join(("image", *self.inputs))
            raise ValueError(f"this model has no input {unknown[0]}: it takes {takes}")
        last = self.backbone.num_blocks - 1
        attention = attention and last >= 0
        features = self.backbone(
            image,
            layers=(*(self.pyramid.config.layers if self.pyramid else ()), *self.backbone.neck_layers),
            attention_layers=(last,) if attention else (),
        )
        levels = self.pyramid(features) if self.pyramid else {}
        found = self._of_neck(features)
        outputs: dict[str, Tensor] = {}
        for task, head in self.heads.items():
            if task == "classification":
                outputs |= self._classes(features, found)
            elif isinstance(head, PicoDetHead):
                outputs |= found
            elif task == "detection":
                outputs |= head(levels)
            elif task == "segmentation":
                outputs |= head(features, levels)
            elif isinstance(head, NavigationHead):
                outputs |= head(features, **navigation, levels=levels)
            else:
                outputs |= head(features)
        if attention:
            outputs["attention"] = features.attention[last].spatial()
        return outputs

    def classify(self, features: TokenFeatures) -> Tensor:
        """Logits (B, num_classes) of features that have the maps of the backbone's `neck_layers`."""
        return self._classes(features, self._of_neck(features))["classification"]

    def _classes(self, features: TokenFeatures, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Outputs of the head of classes, which may read what is found on the neck."""
        head = self.heads["classification"]
        scores = (found["detection_scores"],) if "detection_scores" in found else ()
        outputs: dict[str, Tensor] = head(features, *scores)
        return outputs

    def _of_neck(self, features: TokenFeatures) -> dict[str, Tensor]:
        """Boxes and scores of a detector on the backbone's neck; nothing without one."""
        head = dict(self.heads.items()).get("detection")
        if not isinstance(head, PicoDetHead):
            return {}
        neck = (features.maps[layer] for layer in self.backbone.neck_layers)
        boxes: dict[str, Tensor] = head(dict(zip(head.strides, neck, strict=True)))
        return boxes


def build_model(architecture: Mapping[str, Any]) -> PerceptionModel:
    """Build the model that a model card describes, with random weights.

    Args:
        architecture: the card's field of this name. It must have `backbone` (see `build_backbone`),
            `pyramid` (fields of PyramidConfig), `num_classes`, `num_things` and `num_actions`. It may have
            `pooling` (see `ClassificationHead`), `decoder` (see `make_decoder`), and `navigation` (fields of
            NavigationConfig); without it, navigation is an `ActionHead`.

    Raises:
        ValueError: a field is missing, unknown or wrong.
    """
    if missing := sorted(_REQUIRED - set(architecture)):
        raise ValueError(f"architecture lacks {', '.join(missing)}")
    if unknown := sorted(set(architecture) - _REQUIRED - set(_OPTIONAL)):
        raise ValueError(f"architecture has unknown fields: {', '.join(unknown)}")
    settings = _OPTIONAL | dict(architecture)
    backbone = build_backbone(settings["backbone"])
    try:
        config = PyramidConfig(**settings["pyramid"])
    except TypeError as error:
        raise ValueError(f"architecture: {error}") from error
    dim, num_classes = backbone.embed_dim, settings["num_classes"]
    pyramid = make_pyramid(config, backbone)
    # Cross-attention has as many heads as the backbone had before any were pruned.
    num_heads = dim // backbone.head_dim if backbone.head_dim else backbone.num_heads
    navigator = NavigationConfig.of(architecture)
    heads = {
        # A distilled backbone has the two tokens that its head needs.
        "classification": DistilledHead(dim, num_classes)
        if backbone.distilled
        else ClassificationHead(
            dim, num_classes, settings["pooling"], settings["num_things"] if backbone.neck_layers else 0
        ),
        "detection": PicoDetHead(settings["num_things"])
        if backbone.neck_layers
        else DetectionHead(config, pyramid.strides, settings["num_things"]),
        "segmentation": make_decoder(settings["decoder"], dim, config, num_classes),
        "navigation": NavigationHead(
            dim,
            backbone.stride,
            settings["num_actions"],
            navigator,
            FreeSpaceHead(config, pyramid.strides) if navigator.free_space else None,
        )
        if navigator
        else ActionHead(dim, num_heads, settings["num_actions"]),
    }
    return PerceptionModel(backbone, heads, pyramid)
