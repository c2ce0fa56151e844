"""Image classifiers of timm, as it publishes them: config.json with `pretrained_cfg`, and weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from vit_perception.checkpoints.files import read_checkpoint
from vit_perception.hub.families.attention import rollout_row
from vit_perception.hub.families.files import CONFIG, check_weights, read_json
from vit_perception.hub.public_model import Facts, PublicModel
from vit_perception.hub.reasons import reason_of

# What transformers puts before every name when it saves a model of timm's.
_WRAPPED = "timm_model."


def handles(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is timm's; old ones have the settings of the images beside the architecture."""
    return "pretrained_cfg" in config or ("architecture" in config and "architectures" not in config)


def build(architecture: Mapping[str, Any], folder: Path) -> PublicModel:
    """See `Library`."""
    return _wrap(_create(folder, pretrained=False))


def open_checkpoint(folder: Path) -> tuple[PublicModel, Facts, dict[str, Any]]:
    """See `Library`."""
    name = _architecture(folder)
    check_weights(folder)
    try:
        model = _with_weights(folder)
    except Exception as error:  # each architecture of timm's refuses settings and tensors in its own way
        raise ValueError(
            f"{folder} does not hold a whole {name}: {reason_of(error)}; download it again"
        ) from error
    if not model.num_classes:
        raise ValueError(
            f"{folder} holds {name} without a classifier: give it to load_backbone, and put heads on it"
        )
    return _wrap(model.float().eval()), _facts(model), {"library": "timm", "name": name}


def check(folder: Path) -> None:
    """See `Library`."""
    _architecture(folder)


def _architecture(folder: Path) -> str:
    """The name that config.json gives; ValueError if this timm has none of that name."""
    import timm

    name = read_json(folder / CONFIG).get("architecture")
    if not isinstance(name, str) or not timm.is_model(name):
        raise ValueError(
            f"{folder / CONFIG} names the architecture {name!r}, which timm {timm.__version__} has not"
        )
    return name


def _create(folder: Path, pretrained: bool) -> Any:
    import timm

    return timm.create_model(f"local-dir:{folder}", pretrained=pretrained)


def _with_weights(folder: Path) -> Any:
    if read_json(folder / CONFIG).get("model_type") != "timm_wrapper":
        return _create(folder, pretrained=True)
    model = _create(folder, pretrained=False)
    state, _ = read_checkpoint(folder)
    model.load_state_dict({name.removeprefix(_WRAPPED): value for name, value in state.items()})
    return model


def _facts(model: Any) -> Facts:
    from timm.data import resolve_model_data_config

    settings = resolve_model_data_config(model)
    mean, std = (tuple(float(value) for value in settings[name]) for name in ("mean", "std"))
    if len(mean) != 3 or settings["input_size"][0] != 3:
        raise ValueError(f"it takes images of {settings['input_size'][0]} channels: choose a model for RGB")
    return Facts(
        task="classification",
        labels=_labels(model),
        trained=("classification", *(("attention",) if _grid(model) else ())),
        recipe=_recipe(settings, mean),
        mean=mean,
        std=std,
        thresholds={"classification": 0.1},
        decoding={"classification": {"activation": "softmax"}},
    )


def _labels(model: Any) -> tuple[str, ...]:
    """What the publisher calls the classes; else ImageNet's words, where there are as many; else numbers."""
    from timm.data import CustomDatasetInfo, ImageNetInfo, infer_imagenet_subset

    config = model.pretrained_cfg
    info: Any = None
    if config.get("label_names"):
        info = CustomDatasetInfo(config["label_names"], config.get("label_descriptions"))
    elif subset := infer_imagenet_subset(model):
        info = ImageNetInfo(subset)
    return tuple(
        str(info.index_to_description(index)) if info is not None and info.has_label(index) else str(index)
        for index in range(model.num_classes)
    )


def _recipe(settings: Mapping[str, Any], mean: Sequence[float]) -> tuple[dict[str, Any], ...]:
    """`timm.data.create_transform` for evaluation."""
    size = settings["input_size"][1:]
    height, width = (int(side / settings["crop_pct"]) for side in size)
    resize = {"do": "resize", "height": height, "width": width, "filter": settings["interpolation"]}
    crop = {"do": "crop", "height": size[0], "width": size[1], "rounding": "even"}
    if settings["crop_mode"] == "squash":
        return {**resize, "rule": "exact"}, crop
    if settings["crop_mode"] == "border":
        return {**resize, "rule": "inside"}, {**crop, "value": tuple(round(255 * value) for value in mean)}
    if height == width:
        return {**resize, "rule": "shortest_edge", "width": 0}, crop
    return {**resize, "rule": "cover"}, crop


def _grid(model: nn.Module) -> tuple[int, int] | None:
    """Rows and columns of patches, if its tokens are those of a plain ViT."""
    from timm.layers import Attention
    from timm.models.vision_transformer import VisionTransformer

    if not isinstance(model, VisionTransformer):
        return None
    if not all(isinstance(getattr(block, "attn", None), Attention) for block in model.blocks):
        return None
    rows, columns = model.patch_embed.grid_size
    return int(rows), int(columns)


def _wrap(model: nn.Module) -> PublicModel:
    return _Classifier(model, _grid(model))


class _Classifier(PublicModel):
    def __init__(self, model: nn.Module, grid: tuple[int, int] | None) -> None:
        super().__init__(model)
        self.grid = grid
        self.outputs = ("classification", *(("attention",) if grid else ()))

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        if not attention or self.grid is None:
            return {"classification": self.model(image)}
        model: Any = self.model
        with _taken([block.attn for block in model.blocks]) as weights:
            logits = model(image)
        return {
            "classification": logits,
            "attention": rollout_row(weights, self.grid, pooled=model.global_pool != "token"),
        }


@contextmanager
def _taken(layers: Sequence[Any]) -> Iterator[list[Tensor]]:
    """While the model runs: a list that gets the attention weights of each layer, which fused ones lack."""
    weights: list[Tensor] = []
    fused = [layer.fused_attn for layer in layers]
    hooks = [
        layer.attn_drop.register_forward_pre_hook(lambda _, given: weights.append(given[0]))
        for layer in layers
    ]
    try:
        for layer in layers:
            layer.fused_attn = False
        yield weights
    finally:
        for layer, hook, was in zip(layers, hooks, fused, strict=True):
            layer.fused_attn = was
            hook.remove()
