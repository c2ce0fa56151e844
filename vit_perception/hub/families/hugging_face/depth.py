"""`AutoModelForDepthEstimation`: Depth Anything, DPT (MiDaS), ZoeDepth and GLPN."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from vit_perception.hub.families.attention import START, rollout_row
from vit_perception.hub.families.hugging_face.attention import patch_size
from vit_perception.hub.families.hugging_face.checkpoint import Checkpoint
from vit_perception.hub.families.hugging_face.depth_sizes import free_sizes
from vit_perception.hub.families.hugging_face.exportable import make_exportable
from vit_perception.hub.families.hugging_face.processors import normalisation_of, recipe_of
from vit_perception.hub.public_model import Facts, PublicModel

_HANDLED = (
    "DepthAnythingForDepthEstimation",
    "DPTForDepthEstimation",
    "ZoeDepthForDepthEstimation",
    "GLPNForDepthEstimation",
)

# Of plain transformers, what computes attention; it gives its weights second.
_READERS = ("Dinov2Attention", "BeitAttention", "DPTSelfAttention")
# The library's choice, fused where it can be; see `_later_blocks` for the weights.
ATTENTION = None


def handles(class_name: str) -> bool:
    from transformers.models.auto.modeling_auto import MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES

    return class_name in MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES.values()


def facts(checkpoint: Checkpoint) -> Facts:
    if checkpoint.class_name not in _HANDLED:
        raise ValueError(
            f"{checkpoint.folder} holds a {checkpoint.class_name}, which is not supported: choose one of "
            f"{', '.join(_HANDLED)}"
        )
    mean, std = normalisation_of(checkpoint.processor)
    return Facts(
        task="depth",
        labels=(),
        trained=("depth", *(("attention",) if _plain_backbone(checkpoint.config) else ())),
        recipe=recipe_of(checkpoint.processor),
        mean=mean,
        std=std,
        decoding={"depth": {"metric": _is_metric(checkpoint)}},
    )


def wrap(model: nn.Module, checkpoint: Checkpoint) -> PublicModel:
    make_exportable(model)
    free_sizes(model)
    return _DepthEstimator(model, _plain_backbone(checkpoint.config))


def _is_metric(checkpoint: Checkpoint) -> bool:
    """Whether it answers in metres; MiDaS and its kin know inverse depth up to scale and shift."""
    if checkpoint.class_name == "DepthAnythingForDepthEstimation":
        return bool(checkpoint.config.depth_estimation_type == "metric")
    return checkpoint.class_name != "DPTForDepthEstimation"


def _plain_backbone(config: Any) -> Any:
    """The settings of its backbone where that is a plain transformer, else None."""
    backbone = getattr(config, "backbone_config", None)
    if config.model_type == "dpt" and (backbone is None or config.is_hybrid):
        return config
    return backbone if backbone is not None and backbone.model_type in ("dinov2", "beit") else None


class _DepthEstimator(PublicModel):
    """Gives the attention of its backbone where that is a plain transformer.

    Args:
        model: the library's.
        backbone: settings of the plain transformer; None where it is something else.
    """

    def __init__(self, model: nn.Module, backbone: Any) -> None:
        super().__init__(model)
        self.outputs = ("depth", *(("attention",) if backbone is not None else ()))
        if backbone is not None:
            self._patch = patch_size(backbone)
            self._readers = _later_blocks(model)

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        if not attention or "attention" not in self.outputs:
            return {"depth": self.model(pixel_values=image).predicted_depth}
        with _weights_of(self._readers) as weights:
            depth = self.model(pixel_values=image).predicted_depth
        grid = image.shape[2] // self._patch, image.shape[3] // self._patch
        # Depth is read off every patch, not off the class token.
        return {"depth": depth, "attention": rollout_row(weights, grid, pooled=True, start=0)}


def _later_blocks(model: nn.Module) -> list[nn.Module]:
    """The layers whose attention weights a rollout reads, changed to give them: fused attention does not."""
    layers: list[Any] = [module for module in model.modules() if type(module).__name__ in _READERS]
    layers = layers[int(START * len(layers)) :]
    settings = copy.deepcopy(layers[0].config)
    settings._attn_implementation = "eager"
    for layer in layers:
        layer.config = settings
    return layers


@contextmanager
def _weights_of(layers: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """While the model runs: a list that gets the weights of each layer, (B, 1, N, N), the mean of its heads.

    Those of all heads of a large model are gigabytes.
    """
    found: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(
            lambda module, given, output: found.append(output[1].mean(dim=1, keepdim=True))
        )
        for layer in layers
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
