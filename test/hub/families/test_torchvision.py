"""torchvision's transformers answer as torchvision's own presets and models do, with every engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="public models are adopted with torch")
torchvision = pytest.importorskip("torchvision", reason="the reference implementation, a test dependency")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

from torchvision.models._api import BUILTIN_MODELS
from torchvision.models.maxvit import MaxVit
from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformer, SwinTransformerBlockV2
from torchvision.models.vision_transformer import VisionTransformer
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from hub.adopted import predictor_of
from hub.publish import photographs, settle, sharpen
from hub.rollout import dense_rollout
from vit_perception.hub.build import open_public
from vit_perception.hub.families.torchvision import save_torchvision, settings_of
from vit_perception.runtime.request import Request

CATEGORIES = ["crane", "crane", *(f"class {i}" for i in range(5))]
EVERY_CLASS = Request(thresholds={"classification": 0.0})
SETTINGS = {
    "resize_size": 75,
    "crop_size": 64,
    "interpolation": "bicubic",
    "mean": [0.4, 0.5, 0.6],
    "std": [0.2, 0.3, 0.25],
    "categories": CATEGORIES,
}
FAMILIES = {
    "vit_tiny": SETTINGS,
    "swin_tiny": SETTINGS | {"interpolation": "bilinear", "resize_size": 64},
    "swin_v2_tiny": SETTINGS,
    "maxvit_tiny": SETTINGS,
}


def vit_tiny(weights: None = None, **settings: Any) -> Any:
    return VisionTransformer(num_layers=4, num_heads=2, hidden_dim=48, mlp_dim=96, patch_size=16, **settings)


def swin_tiny(weights: None = None, **settings: Any) -> Any:
    return SwinTransformer([4, 4], 24, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], **settings)


def swin_v2_tiny(weights: None = None, **settings: Any) -> Any:
    return swin_tiny(block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2, **settings)


def maxvit_tiny(weights: None = None, **settings: Any) -> Any:
    shape = {"stem_channels": 16, "block_channels": [16, 32], "block_layers": [1, 1], "head_dim": 8}
    return MaxVit(**shape, stochastic_depth_prob=0.0, partition_size=4, **settings)


@pytest.fixture(scope="module", autouse=True)
def small_models() -> Iterator[None]:
    """Sizes that torchvision has no name for, under names in its registry: its own take minutes."""
    with pytest.MonkeyPatch.context() as patch:
        for builder in (vit_tiny, swin_tiny, swin_v2_tiny, maxvit_tiny):
            patch.setattr(builder, "__module__", "torchvision.models.small")
            patch.setitem(BUILTIN_MODELS, builder.__name__, builder)
        yield


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path_factory.mktemp("store")))
        yield


def preset(settings: dict[str, Any]) -> ImageClassification:
    """What the `transforms()` of torchvision's weights give."""
    given = {name: value for name, value in settings.items() if name != "categories"}
    return ImageClassification(**given | {"interpolation": InterpolationMode(given["interpolation"])})


def reference_inputs(settings: dict[str, Any]) -> dict[str, Any]:
    from PIL import Image

    transform = preset(settings)
    return {name: transform(Image.fromarray(picture)) for name, picture in photographs().items()}


def made(architecture: str, crop: int) -> Any:
    sized = {"vit_tiny": {"image_size": crop}, "maxvit_tiny": {"input_size": (crop, crop)}}.get(
        architecture, {}
    )
    torch.manual_seed(0)
    return torchvision.models.get_model(architecture, weights=None, num_classes=len(CATEGORIES), **sized)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Any]]:
    """Folder and model of a family, made when it is first asked for."""
    families: dict[str, tuple[Path, Any]] = {}

    def of(family: str) -> tuple[Path, Any]:
        if family not in families:
            settings = FAMILIES[family]
            model = made(family, settings["crop_size"])
            sharpen(model)
            inputs = torch.stack(list(reference_inputs(settings).values()))
            settle(model, lambda: model(inputs))
            folder = tmp_path_factory.mktemp("torchvision") / family
            families[family] = save_torchvision(model, folder, family, settings), model
        return families[family]

    return of


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_torchvision(family: str, saved: Callable[[str], tuple[Path, Any]]) -> None:
    folder, model = saved(family)
    with torch.no_grad():
        inputs = reference_inputs(FAMILIES[family])
        expected = {name: model(image[None]).softmax(-1)[0].numpy() for name, image in inputs.items()}
    values = np.stack(list(expected.values()))
    assert np.ptp(values, axis=1).min() > 0.02, "the classes differ"
    assert np.ptp(values, axis=0).max() > 0.005, "the photographs differ"
    pictures = photographs()
    for engine in ("torch", "onnxruntime", "openvino"):
        predictor = predictor_of(folder, engine=engine, device="cpu", precision="fp32")
        assert predictor.card.batched
        assert predictor.card.labels == tuple(CATEGORIES)
        together = predictor.batch(list(pictures.values()), ["rgb"] * len(pictures), EVERY_CLASS)
        for name, batched in zip(pictures, together, strict=True):
            for answer in (predictor(pictures[name], "rgb", EVERY_CLASS), batched):
                scores = np.zeros(len(CATEGORIES))
                scores[answer.classification.class_ids] = answer.classification.scores
                np.testing.assert_allclose(scores, expected[name], atol=1e-3, err_msg=f"{engine} {name}")


def test_the_attention_of_a_vit_is_the_rollout_of_its_weights(
    saved: Callable[[str], tuple[Path, Any]],
) -> None:
    folder, model = saved("vit_tiny")
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    mean, std = torch.tensor(SETTINGS["mean"]), torch.tensor(SETTINGS["std"])
    weights = []
    with torch.no_grad():
        hidden = model._process_input(((torch.from_numpy(images) / 255 - mean) / std).permute(0, 3, 1, 2))
        hidden = torch.cat([model.class_token.expand(2, -1, -1), hidden], dim=1) + model.encoder.pos_embedding
        for block in model.encoder.layers:
            given = block.ln_1(hidden)
            weights.append(block.self_attention(given, given, given, average_attn_weights=False)[1])
            hidden = block(hidden)
    for engine in ("torch", "onnxruntime"):
        predictor = predictor_of(folder, engine=engine, device="cpu", precision="fp32")
        found = predictor.engine(images)["attention"]
        for place in range(2):
            expected = dense_rollout([block[place].numpy() for block in weights], 16, pooled=False)
            assert np.ptp(expected) > 1e-3, "the patches differ"
            np.testing.assert_allclose(found[place].reshape(-1), expected, atol=1e-5)
        assert predictor(photographs()["square"]).attention.heatmap.max() == pytest.approx(1, abs=0.05)
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize(
    ("architecture", "weights", "resize", "crop", "interpolation"),
    [
        ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1", 384, 384, "bicubic"),
        ("swin_t", "DEFAULT", 232, 224, "bicubic"),
        ("swin_v2_b", "IMAGENET1K_V1", 272, 256, "bicubic"),
        ("maxvit_t", "IMAGENET1K_V1", 224, 224, "bicubic"),
    ],
)
def test_settings_are_those_of_the_weights(
    architecture: str, weights: str, resize: int, crop: int, interpolation: str
) -> None:
    settings = settings_of(architecture, weights)
    assert (settings["resize_size"], settings["crop_size"]) == (resize, crop)
    assert settings["interpolation"] == interpolation
    assert settings["categories"][0] == "tench"
    assert len(settings["categories"]) == 1000


def test_named_weights_are_saved_with_their_settings(tmp_path: Path) -> None:
    state = torchvision.models.swin_t(weights=None).state_dict()
    save_torchvision(state, tmp_path / "swin", "swin_t", "IMAGENET1K_V1")
    config = json.loads((tmp_path / "swin/config.json").read_text())
    assert config["weights"] == "IMAGENET1K_V1"
    model, facts, architecture = open_public(tmp_path / "swin")
    assert architecture == {"library": "torchvision", "name": "swin_t"}
    assert facts.labels[1] == "goldfish"
    assert torch.equal(model.model.head.weight, state["head.weight"])


@pytest.mark.parametrize("architecture", ["fasterrcnn_resnet50_fpn", "resnet50", "vit_b_8"])
def test_what_is_no_transformer_for_classification_is_refused(architecture: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{architecture}.*choose from maxvit_t, .*swin_b, .*vit_l_32"):
        save_torchvision({}, tmp_path / "other", architecture, "DEFAULT")


def test_unknown_weights_and_missing_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="swin_t has no weights 'V9': choose from IMAGENET1K_V1"):
        save_torchvision({}, tmp_path / "other", "swin_t", "V9")
    some = {name: value for name, value in SETTINGS.items() if name != "categories"}
    with pytest.raises(ValueError, match="settings of swin_t lack categories"):
        save_torchvision({}, tmp_path / "other", "swin_t", some)


def test_weights_of_another_architecture_are_refused(
    saved: Callable[[str], tuple[Path, Any]], tmp_path: Path
) -> None:
    state = saved("swin_tiny")[1].state_dict()
    save_torchvision(state, tmp_path / "mixed", "swin_v2_tiny", SETTINGS)
    with pytest.raises(ValueError, match="not of a swin_v2_tiny"):
        open_public(tmp_path / "mixed")
