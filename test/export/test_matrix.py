"""Every backbone under every head becomes an ONNX graph that two engines compute as torch does."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")
onnxruntime = pytest.importorskip("onnxruntime", reason="an engine to compare with")
openvino = pytest.importorskip("openvino", reason="an engine to compare with")
pytest.importorskip("onnxscript", reason="writes the graphs")

from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.hybrid import Hybrid
from vit_perception.backbones.registry import FAMILIES, build_backbone, family_of
from vit_perception.export.comparison import relative_differences
from vit_perception.heads.action import ActionHead
from vit_perception.heads.classification import ClassificationHead, DistilledHead
from vit_perception.heads.detection import DetectionHead
from vit_perception.heads.navigation import NavigationHead
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.heads.picodet import PicoDetHead
from vit_perception.heads.pyramid import PyramidConfig, make_pyramid
from vit_perception.heads.segmentation import make_decoder
from vit_perception.language.grounding import LanguageHead
from vit_perception.language.text_encoder import TextFeatures
from vit_perception.runtime.engines.openvino_compiler import shared_core

TEXT_DIM = 32
NAVIGATION = NavigationConfig(history=2, width=64)
# The widths of real models, with fewer blocks.
_LITTLE: dict[str, Any] = {"depth": 3}
BACKBONES: dict[str, dict[str, Any]] = {
    "vit": {"variant": "vit_tiny_patch16"} | _LITTLE,
    "vit_merging": {"variant": "vit_tiny_patch16", "reduction": {"kind": "merge", "rate": 0.1}} | _LITTLE,
    "vit_pruning": {"variant": "vit_tiny_patch16", "reduction": {"kind": "prune", "rate": 0.1}} | _LITTLE,
    "deit_distilled": {"variant": "deit_tiny_distilled_patch16"} | _LITTLE,
    "dinov2": {"variant": "dinov2_small_patch14"} | _LITTLE,
    "dinov2_reg": {"variant": "dinov2_small_patch14_reg4"} | _LITTLE,
    "swin": {"variant": "swin_tiny_patch4_window7", "depths": [2, 2, 2, 2]},
    "swin_v2": {"variant": "swin_v2_tiny_patch4_window8", "depths": [2, 2, 2, 2]},
    "mobilevit": {"variant": "mobilevit_xxs"},
    "mobilevit_v2": {"variant": "mobilevitv2_050"},
    "mvit": {"variant": "mvitv2_tiny", "depths": [1, 1, 2, 1]},
    "cvt": {"variant": "cvt_13", "depths": [1, 1, 2]},
    "hybrid": {"variant": "hybrid_small_patch32"} | _LITTLE,
    "hybrid_picodet": {"variant": "hybrid_small_patch32_picodet"} | _LITTLE,
    "efficientnet_lite": {"variant": "efficientnet_lite0"},
    "vitdet": {"variant": "vitdet_tiny_patch16", "depth": 3, "global_blocks": [1], "window_size": 4},
}


def size_for(backbone: Backbone) -> tuple[int, int]:
    """Not square, and not of whole windows."""
    return {14: (112, 168), 32: (96, 160)}.get(backbone.size_divisor, (112, 160))


def build(name: str) -> Backbone:
    torch.manual_seed(0)
    return build_backbone(BACKBONES[name])


# Relative to an output's largest value: float32 sums in another order, through a whole network.
CLOSE = 1e-4


class EveryHead(nn.Module):
    """One backbone under all heads and decoders at once, and what its last block attends to."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        dim, heads = backbone.embed_dim, backbone.num_heads
        one_stride = len({info.stride for info in backbone.feature_info}) == 1
        layers = tuple(range(len(backbone.feature_info)))[-3 if one_stride else 0 :]
        layers = tuple(layer for layer in layers if layer not in backbone.neck_layers)
        separable = isinstance(backbone, Hybrid)
        config = PyramidConfig(layers=layers, width=64, fine_width=32, separable=separable)
        self.backbone = backbone
        self.pyramid = make_pyramid(config, backbone)
        self.classification = ClassificationHead(dim, 5, num_things=3 if backbone.neck_layers else 0)
        self.distilled = DistilledHead(dim, 5) if backbone.distilled else None
        self.detection = DetectionHead(config, self.pyramid.strides, 3)
        self.picodet = PicoDetHead(3) if backbone.neck_layers else None
        self.decoders = nn.ModuleDict(
            {name: make_decoder(name, dim, config, 5) for name in ("pyramid", "linear", "progressive")}
        )
        self.action = ActionHead(dim, heads, 4)
        self.navigation = NavigationHead(dim, backbone.stride, 4, NAVIGATION)
        self.language = LanguageHead(dim, TEXT_DIM, heads)

    def forward(
        self, image: Tensor, goal: Tensor, depth: Tensor, history: Tensor, words: Tensor, mask: Tensor
    ) -> dict[str, Tensor]:
        layers = (*self.pyramid.config.layers, *self.backbone.neck_layers)
        features = self.backbone(image, layers, range(self.backbone.num_blocks)[-1:])
        levels = self.pyramid(features)
        outputs = self.detection(levels)
        if self.distilled is not None:
            outputs |= {f"distilled_{key}": value for key, value in self.distilled(features).items()}
        if self.picodet is None:
            outputs |= self.classification(features)
        else:
            neck = (features.maps[layer] for layer in self.backbone.neck_layers)
            found = self.picodet(dict(zip(self.picodet.strides, neck, strict=True)))
            outputs |= {f"picodet_{key}": value for key, value in found.items()}
            outputs |= self.classification(features, found["detection_scores"])
        for name, decoder in self.decoders.items():
            outputs[f"segmentation_{name}"] = decoder(features, levels)["segmentation"]
        outputs |= {f"{key}_alone": value for key, value in self.action(features, goal[:, :3]).items()}
        outputs |= self.navigation(features, depth, goal, history)
        outputs |= self.language(features, TextFeatures(words, words[:, 0], mask))
        # Convolutions alone have none.
        for attention in features.attention.values():
            outputs["attention"] = attention.spatial()
        return outputs


def inputs(backbone: Backbone) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    size = size_for(backbone)
    depth = 5 * torch.rand(1, 1, *size, generator=generator)
    depth[..., :40] = 0.0  # a sensor sees nothing there
    history = torch.ones(1, 2, NAVIGATION.width + 1)
    history[:, 0] = 0.0  # there was no such frame
    return {
        "image": torch.randn(1, 3, *size, generator=generator),
        "goal": torch.tensor([[3.0, 0.6, 0.8, 1.0]]),
        "depth": depth,
        "history": history,
        "words": torch.randn(1, 4, TEXT_DIM, generator=generator),
        "mask": torch.tensor([[True, True, True, False]]),
    }


@pytest.mark.parametrize("name", BACKBONES)
def test_two_engines_compute_what_torch_does(name: str, tmp_path: Path) -> None:
    model = EveryHead(build(name)).eval()
    example: dict[str, Any] = inputs(model.backbone)
    with torch.no_grad():
        expected = model(**example)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter about itself
            program = torch.onnx.export(
                model,
                kwargs=example,
                input_names=list(example),
                output_names=list(expected),
                opset_version=18,
                dynamo=True,
                optimize=False,  # as `export.graph`
                verbose=False,
            )
    file = tmp_path / "model.onnx"
    program.save(str(file))
    arrays = {key: value.numpy() for key, value in example.items()}
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    given = {item.name for item in session.get_inputs()}
    answers = session.run(list(expected), {key: value for key, value in arrays.items() if key in given})
    core = shared_core()
    compiled = core.compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    vino = compiled({key: value for key, value in arrays.items() if key in given})
    wanted = {key: value.numpy() for key, value in expected.items()}
    found = {
        "ONNX Runtime": dict(zip(expected, answers, strict=True)),
        "OpenVINO": {key: np.asarray(vino[key]) for key in expected},
    }
    for engine, outputs in found.items():
        for key, difference in relative_differences(wanted, outputs).items():
            assert difference < CLOSE, f"{key} in {engine}"


def test_no_family_is_left_out() -> None:
    assert {family_of(build(name).config) for name in BACKBONES} == set(FAMILIES)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_parameter_of_every_model_gets_a_gradient(name: str) -> None:
    model = EveryHead(build(name)).train()
    torch.manual_seed(1)
    # Twice the picture, so that batch norms have something to average.
    outputs = model(**{key: torch.cat([value, value]) for key, value in inputs(model.backbone).items()})
    total = sum(output.float().square().mean() for output in outputs.values())
    # The distances that a detection head gives in training are among its outputs; no goal takes another way,
    # tested with its heads.
    total.backward()
    elsewhere = {"action.no_goal", "navigation.no_goal_token"}
    for key, parameter in model.named_parameters():
        if key not in elsewhere:
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key
            assert parameter.grad.abs().sum() > 0, key
