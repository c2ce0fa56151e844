"""Every config class documents each of its fields, and refuses a wrong value by the field's name."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.backbones.backbone import FeatureInfo
from vit_perception.backbones.cvt import CvtConfig
from vit_perception.backbones.efficientnet_lite import EfficientNetLiteConfig
from vit_perception.backbones.features import BlockAttention, Intermediates, TokenFeatures
from vit_perception.backbones.hybrid import HybridConfig
from vit_perception.backbones.mobilevit import MobileVitConfig
from vit_perception.backbones.mobilevit_v2 import MobileVitV2Config
from vit_perception.backbones.mvit import MvitConfig, PoolPlan
from vit_perception.backbones.registry import FAMILIES, VARIANTS
from vit_perception.backbones.swin import SwinConfig
from vit_perception.backbones.swin_v2 import SwinV2Config
from vit_perception.backbones.vit import ViTConfig
from vit_perception.backbones.vitdet import VitDetConfig
from vit_perception.checkpoints.card import BackboneCard
from vit_perception.checkpoints.catalog import read_catalog
from vit_perception.checkpoints.format import Format
from vit_perception.checkpoints.load import LoadedBackbone
from vit_perception.heads.pyramid import PyramidConfig
from vit_perception.language.text_encoder import TextConfig, TextFeatures
from vit_perception.layers.pos_embed import PosInterpolation
from vit_perception.layers.token_reduction import Patches, TokenReduction
from vit_perception.layers.windows import ShiftedWindows

COUNT = (0, -1, 1.5, True, "12", None)
NUMBER = (0.0, -1.0, float("nan"), float("inf"), "4.0", None)
EPSILON = (*NUMBER, 1.0)
PROBABILITY = (-0.1, 1.0, float("nan"), "0.1", None)
FLAG = (1, "yes", None)
GRID = ((14,), (14, 0), (14, 14, 14), (14.0, 14.0), 14, "ab", None)
OPTIONAL_GRID = GRID[:-1]
INTERPOLATION = ("bicubic", None, {"smooth": True}, {"mode": "nearest"})

VIT = {
    "patch_size": COUNT,
    "embed_dim": COUNT,
    "depth": COUNT,
    "num_heads": COUNT,
    "mlp_ratio": NUMBER,
    "in_chans": COUNT,
    "pos_grid": GRID,
    "pos_interpolation": INTERPOLATION,
    "qkv_bias": FLAG,
    "drop_path": PROBABILITY,
    "norm_eps": EPSILON,
}
SWIN = {
    "patch_size": COUNT,
    "embed_dim": COUNT,
    "depths": ((), (2, 0, 6, 2), (2, 2), 2, "2262", None),
    "num_heads": ((), (3, 6, 12, -1), (3, 6), 3, None),
    "window_size": COUNT,
    "mlp_ratio": NUMBER,
    "in_chans": COUNT,
    "qkv_bias": FLAG,
    "drop_path": PROBABILITY,
    "norm_eps": EPSILON,
    "pad_patches": FLAG,
    "pad_before_shift": FLAG,
    "shift_by_axis": FLAG,
}
MOBILEVIT = {
    "stem_dim": COUNT,
    "widths": ((16, 24, 48, 64), (16, 24, 48, 64, 0), 16, None),
    "local_depth": COUNT,
    "expand_ratio": NUMBER,
    "dims": ((64, 80), (64, 80, -96), 64, None),
    "depths": ((2, 4), (2, 4, 0), 2, None),
    "num_heads": COUNT,
    "mlp_ratio": NUMBER,
    "final_dim": COUNT[:-1],
    "patch_size": COUNT,
    "in_chans": COUNT,
    "norm_eps": EPSILON,
}
PLAIN_VIT = VIT | {
    "distilled": FLAG,
    "num_registers": (-1, 0.5, "4", None),
    "layer_scale": NUMBER[:-1],
    "reduction": ("merge", {"kind": "forget"}, {"share": 0.1}),
    "head_dim": COUNT[:-1],
}
# Config → field → values that it must refuse. A test holds that no field is left out.
WRONG: dict[type[Any], dict[str, tuple[Any, ...]]] = {
    ViTConfig: PLAIN_VIT,
    EfficientNetLiteConfig: {"in_chans": COUNT},
    HybridConfig: PLAIN_VIT | {"patch_size": (*COUNT, 16), "convolutions": ("resnet", 1, None)},
    VitDetConfig: VIT
    | {
        "window_size": COUNT,
        "global_blocks": ((12,), (-1,), (0.5,), 3),
        "rel_pos_grid": OPTIONAL_GRID,
    },
    SwinConfig: SWIN,
    SwinV2Config: SWIN
    | {"pretrained_window_sizes": ((0, 0, 0), (0, 0, 0, -1), 8, None), "native_grid": OPTIONAL_GRID},
    MobileVitConfig: MOBILEVIT,
    MobileVitV2Config: MOBILEVIT | {"num_heads": (*COUNT, 2)},
    MvitConfig: {
        "embed_dim": COUNT,
        "depths": ((), (1, 0), 2, None),
        "num_heads": COUNT,
        "mlp_ratio": NUMBER,
        "kv_stride": COUNT,
        "rel_pos_grid": GRID,
        "in_chans": COUNT,
        "qkv_bias": FLAG,
        "drop_path": PROBABILITY,
        "norm_eps": EPSILON,
    },
    CvtConfig: {
        "widths": ((64, 192), (64, 192, 0), 64, None),
        "depths": ((1, 2), (1, 2, -10), 1, None),
        "num_heads": ((1, 3), (1, 3, 0), 1, None),
        "mlp_ratio": NUMBER,
        "in_chans": COUNT,
        "drop_path": PROBABILITY,
        "norm_eps": EPSILON,
    },
    TextConfig: {
        "vocab_size": COUNT,
        "embed_dim": COUNT,
        "depth": COUNT,
        "num_heads": COUNT,
        "mlp_ratio": NUMBER,
        "max_length": COUNT,
        "num_types": COUNT,
        "norm_eps": EPSILON,
    },
    PyramidConfig: {
        "layers": ((), (-1,), (0.5,), 11, None),
        "width": (*COUNT, 3, 70),
        "fine_width": (*COUNT, 3, 70),
        "detection_levels": ((), ("p7",), "p3"),
        "separable": FLAG,
    },
    TokenReduction: {"kind": ("forget", None), "rate": NUMBER},
    PosInterpolation: {
        "mode": ("nearest", None),
        "antialias": FLAG,
        "align_corners": FLAG,
        "offset": (0.0, 1.0, -0.1, "0.1"),
    },
    BackboneCard: {
        "name": ("", 1),
        "architecture": ("resnet50", None),
        "url": ("", None),
        "input_size": ((224,), (224, 0), (224.5, 224.5), 224, None),
        "mean": ((), (0.5, 0.5), ("0.5", "0.5", "0.5"), 0.5, None),
        "std": ((), (0.5, 0.5), (0.5, 0.5, 0.0), 0.5, None),
        "crop_pct": (*NUMBER, 1.1),
        "interpolation": ("nearest", None),
        "norm_eps": EPSILON,
        "pos_interpolation": ("bicubic", {"mode": "bicubic"}),
        "license": ("", None),
    },
}
REQUIRED: dict[type[Any], dict[str, Any]] = {
    PyramidConfig: {"layers": (11,)},
    BackboneCard: dataclasses.asdict(read_catalog()["facebook/dinov2-small"]) | {"pos_interpolation": None},
}
CASES = [
    pytest.param(config, field, value, id=f"{config.__name__}-{field}-{value}")
    for config, fields in WRONG.items()
    for field, values in fields.items()
    for value in values
]
RECORDS = (
    BlockAttention,
    FeatureInfo,
    Format,
    Intermediates,
    LoadedBackbone,
    Patches,
    PoolPlan,
    ShiftedWindows,
    TextFeatures,
    TokenFeatures,
)


def fields_of(kind: type[Any]) -> list[str]:
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return list(kind._fields)


def documented(kind: type[Any]) -> set[str]:
    """Fields under `Attributes:`; a variant of a config documents only those that are its own."""
    parents = [parent for parent in kind.__mro__[1:] if parent in WRONG]
    lists = [(parent.__doc__ or "").partition("    Attributes:\n")[2] for parent in (kind, *parents)]
    return {name for text in lists for name in re.findall(r"^ {8}(\w+): \S", text.split("\n\n")[0], re.M)}


@pytest.mark.parametrize("kind", [*WRONG, *RECORDS], ids=lambda kind: kind.__name__)
def test_every_field_is_documented(kind: type[Any]) -> None:
    assert documented(kind) == set(fields_of(kind))


@pytest.mark.parametrize("config", WRONG, ids=lambda config: config.__name__)
def test_no_field_is_left_out(config: type[Any]) -> None:
    assert set(WRONG[config]) == set(fields_of(config))


@pytest.mark.parametrize(("config", "field", "value"), CASES)
def test_a_wrong_value_is_refused_by_name(config: type[Any], field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field if field != "kind" else "token reduction"):
        config(**REQUIRED.get(config, {}) | {field: value})


def test_the_configs_of_all_families_are_held() -> None:
    assert {config for config, _ in FAMILIES.values()} <= set(WRONG)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_config_survives_yaml(name: str) -> None:
    """Lists for tuples, mappings for what is nested."""
    import yaml

    config = VARIANTS[name]
    fields = yaml.safe_load(yaml.safe_dump(as_lists(dataclasses.asdict(config))))
    assert type(config)(**fields) == config


def as_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_lists(inner) for key, inner in value.items()}
    return [as_lists(inner) for inner in value] if isinstance(value, tuple) else value
