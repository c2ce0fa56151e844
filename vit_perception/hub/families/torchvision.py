"""Image classifiers of torchvision: ViT, Swin, Swin v2 and MaxViT.

It publishes files of weights and has the rest in its code; `save_torchvision` makes a folder of both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.checkpoints.files import State, read_checkpoint
from vit_perception.hub.families.attention import rollout_row
from vit_perception.hub.families.files import CONFIG, PUBLISHED_WEIGHTS, check_weights, read_json
from vit_perception.hub.public_model import Facts, PublicModel

SUPPORTED = ("vit_*", "swin_*", "maxvit_*")
# What config.json holds of the weights' `transforms()` and `meta`.
_SETTINGS = ("resize_size", "crop_size", "interpolation", "mean", "std", "categories")


def handles(config: Mapping[str, Any]) -> bool:
    return config.get("library") == "torchvision"


def check_architecture(name: object) -> str:
    """Return `name` if torchvision has such a model and it is supported here.

    Raises:
        ValueError: it is something else; the message says what there is.
    """
    import torchvision

    names = torchvision.models.list_models(module=torchvision.models, include=list(SUPPORTED))
    if not isinstance(name, str) or name not in names:
        raise ValueError(f"torchvision's {name!r} is not supported: choose from {', '.join(names)}")
    return name


def settings_of(architecture: str, weights: str) -> dict[str, Any]:
    """How images are prepared for torchvision's weights of this name (`DEFAULT` is one), and their classes.

    Raises:
        ValueError: there are none of this name.
    """
    import torchvision

    known = torchvision.models.get_model_weights(check_architecture(architecture))
    if weights not in known.__members__:
        raise ValueError(
            f"{architecture} has no weights {weights!r}: choose from {', '.join(known.__members__)}"
        )
    chosen = known[weights]
    made = chosen.transforms()
    return {
        "resize_size": made.resize_size[0],
        "crop_size": made.crop_size[0],
        "interpolation": made.interpolation.value,
        "mean": list(made.mean),
        "std": list(made.std),
        "categories": list(chosen.meta["categories"]),
    }


def save_torchvision(
    model: nn.Module | State, folder: Path, architecture: str, weights: str | Mapping[str, Any]
) -> Path:
    """Write a model as `open_checkpoint` reads it: config.json and model.safetensors.

    Args:
        model: the module, or its state_dict.
        folder: made if need be.
        architecture: torchvision's name of it.
        weights: torchvision's name of its weights; or, for other weights, the settings that `settings_of`
            gives.

    Raises:
        ValueError: the architecture or the weights are unknown, or a setting is missing.
    """
    from safetensors.torch import save_file

    name = weights if isinstance(weights, str) else "custom"
    settings = settings_of(architecture, weights) if isinstance(weights, str) else dict(weights)
    config: dict[str, Any] = {
        "library": "torchvision",
        "architecture": check_architecture(architecture),
        "weights": name,
    }
    if missing := [field for field in _SETTINGS if field not in settings]:
        raise ValueError(f"the settings of {architecture} lack {missing[0]}: give {', '.join(_SETTINGS)}")
    config |= {"num_classes": len(settings["categories"]), **settings}
    state = model.state_dict() if isinstance(model, nn.Module) else model
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.clone().contiguous() for key, value in state.items()}
    save_file(tensors, str(folder / PUBLISHED_WEIGHTS[0]))
    (folder / CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")
    return folder


def build(architecture: Mapping[str, Any], folder: Path) -> PublicModel:
    """See `Library`."""
    return _Classifier(_create(_read_config(folder)))


def open_checkpoint(folder: Path) -> tuple[PublicModel, Facts, dict[str, Any]]:
    """See `Library`."""
    config = _read_config(folder)
    check_weights(folder)
    model = _create(config)
    state, _ = read_checkpoint(folder)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"the weights in {folder} are not of a {config['architecture']}: {reason}"
        ) from error
    public = _Classifier(model.float().eval())
    return public, _facts(config, public.outputs), {"library": "torchvision", "name": config["architecture"]}


def check(folder: Path) -> None:
    """See `Library`."""
    _read_config(folder)


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / CONFIG
    config = read_json(file)
    if missing := [field for field in ("architecture", "num_classes", *_SETTINGS) if field not in config]:
        raise ValueError(f"{file} lacks {missing[0]}: write the folder with save_torchvision")
    check_architecture(config["architecture"])
    if len(config["categories"]) != config["num_classes"]:
        count = len(config["categories"])
        raise ValueError(f"{file} names {count} of {config['num_classes']} classes: give a category for each")
    return config


def _create(config: Mapping[str, Any]) -> nn.Module:
    import torchvision

    name, size = config["architecture"], int(config["crop_size"])
    sized: dict[str, Any] = {}
    if name.startswith("vit_"):
        sized["image_size"] = size
    elif name.startswith("maxvit_"):
        sized["input_size"] = (size, size)
    model: nn.Module = torchvision.models.get_model(
        name, weights=None, num_classes=config["num_classes"], **sized
    )
    return model


def _facts(config: Mapping[str, Any], outputs: Sequence[str]) -> Facts:
    resize = {"do": "resize", "rule": "shortest_edge", "height": config["resize_size"]}
    side = config["crop_size"]
    return Facts(
        task="classification",
        labels=tuple(map(str, config["categories"])),
        trained=tuple(outputs),
        recipe=(
            {**resize, "filter": config["interpolation"]},
            {"do": "crop", "height": side, "width": side, "rounding": "even"},
        ),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        thresholds={"classification": 0.1},
        decoding={"classification": {"activation": "softmax"}},
    )


class _Classifier(PublicModel):
    """With attention where the model is a ViT; the windows of the others lie on no one grid."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.layers = [module for module in model.modules() if isinstance(module, nn.MultiheadAttention)]
        self.outputs = ("classification", *(("attention",) if self.layers else ()))

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        if not attention or not self.layers:
            return {"classification": self.model(image)}
        patch: Any = self.model.patch_size
        with _taken(self.layers) as weights:
            logits = self.model(image)
        grid = image.shape[2] // patch, image.shape[3] // patch
        return {"classification": logits, "attention": rollout_row(weights, grid, pooled=False)}


@contextmanager
def _taken(layers: Sequence[nn.MultiheadAttention]) -> Iterator[list[Tensor]]:
    """While the model runs: a list that gets the attention weights of each layer."""
    weights: list[Tensor] = []
    # One operator for the whole layer, which no exporter has.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    hooks = []
    for layer in layers:
        hooks += [
            layer.register_forward_pre_hook(_ask, with_kwargs=True),
            layer.register_forward_hook(lambda _, __, answer: weights.append(answer[1])),
        ]
    try:
        yield weights
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for hook in hooks:
            hook.remove()


def _ask(_: nn.Module, given: tuple[Any, ...], how: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return given, {**how, "need_weights": True, "average_attn_weights": False}
