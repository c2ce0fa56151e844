"""Image classifiers as timm publishes them answer as timm's own transform and model do, with every engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="public models are adopted with torch")
timm = pytest.importorskip("timm", reason="the reference implementation, a test dependency")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

from timm.data import create_transform, resolve_data_config
from timm.models._hub import save_for_hf

from hub.adopted import predictor_of
from hub.publish import photographs, settle, sharpen
from hub.rollout import dense_rollout
from vit_perception.checkpoints.load import load_backbone
from vit_perception.heads.classification import ClassificationHead
from vit_perception.heads.detection import DetectionHead
from vit_perception.heads.pyramid import PyramidConfig, make_pyramid
from vit_perception.hub.build import build_public, open_public
from vit_perception.model import PerceptionModel
from vit_perception.runtime.request import Request

CLASSES = 7
EVERY_CLASS = Request(thresholds={"classification": 0.0})
PLAIN = {"img_size": 64, "embed_dim": 48, "depth": 4, "num_heads": 3, "num_classes": CLASSES}
WINDOWS = {"img_size": 64, "embed_dim": 24, "depths": (1, 2), "num_heads": (1, 2), "num_classes": CLASSES}
# Architecture, what it is made smaller by, settings of its images.
FAMILIES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "vit": ("vit_tiny_patch16_224", PLAIN, {"crop_pct": 0.9, "interpolation": "bicubic"}),
    "vit with registers": (
        "vit_medium_patch16_reg4_gap_256",
        PLAIN,
        {"crop_pct": 0.95, "interpolation": "bicubic", "crop_mode": "squash"},
    ),
    "siglip": ("vit_base_patch16_siglip_224", PLAIN, {"crop_pct": 0.875, "crop_mode": "border"}),
    "deit distilled": ("deit_tiny_distilled_patch16_224", PLAIN, {"crop_pct": 1.0}),
    "beit": ("beit_base_patch16_224", PLAIN, {"crop_pct": 0.9}),
    "swin": ("swin_tiny_patch4_window7_224", WINDOWS | {"window_size": 4}, {"crop_pct": 0.9}),
    "swin v2": ("swinv2_tiny_window8_256", WINDOWS | {"window_size": 4}, {"crop_pct": 0.9}),
    "mobilevit v2": ("mobilevitv2_050", {"num_classes": CLASSES}, {"input_size": (3, 64, 96)}),
    "convnext": ("convnext_atto", {"num_classes": CLASSES}, {"input_size": (3, 64, 64)}),
}
ATTENTIVE = ("vit", "vit with registers", "siglip", "deit distilled")


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path_factory.mktemp("store")))
        yield


def save(folder: Path, name: str, sizes: dict[str, Any], images: dict[str, Any], **config: Any) -> Any:
    """Write a folder as timm does for the hub; gives the model."""
    torch.manual_seed(0)
    side = sizes.get("img_size", 64)
    model = timm.create_model(name, pretrained_cfg_overlay={"input_size": (3, side, side)} | images, **sizes)
    sharpen(model)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith("qkv.weight"):  # else every token attends to all others alike
                parameter.mul_(2)
    inputs = reference_inputs(model.pretrained_cfg)
    settle(model, lambda: model(torch.stack(list(inputs.values()))))
    save_for_hf(model, str(folder), model_config=config, safe_serialization=True)
    return model.eval()


def reference_inputs(config: Any) -> dict[str, Any]:
    from PIL import Image

    transform = create_transform(**resolve_data_config(pretrained_cfg=config))
    return {name: transform(Image.fromarray(picture)) for name, picture in photographs().items()}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Any]]:
    """Folder and model of a family, made when it is first asked for."""
    made: dict[str, tuple[Path, Any]] = {}

    def of(family: str) -> tuple[Path, Any]:
        if family not in made:
            folder = tmp_path_factory.mktemp("hub") / family
            made[family] = folder, save(folder, *FAMILIES[family])
        return made[family]

    return of


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_timm(family: str, published: Callable[[str], tuple[Path, Any]]) -> None:
    folder, model = published(family)
    settings = json.loads((folder / "config.json").read_text())["pretrained_cfg"]
    inputs = reference_inputs(settings)
    with torch.no_grad():
        expected = {name: model(image[None]).softmax(-1)[0].numpy() for name, image in inputs.items()}
    values = np.stack(list(expected.values()))
    assert np.ptp(values, axis=1).min() > 0.02, "the classes differ"
    assert np.ptp(values, axis=0).max() > 0.01, "the photographs differ"
    pictures = photographs()
    for engine in ("torch", "onnxruntime", "openvino"):
        predictor = predictor_of(folder, engine=engine, device="cpu", precision="fp32")
        assert predictor.card.batched
        assert predictor.card.architecture == {"library": "timm", "name": FAMILIES[family][0]}
        assert ("attention" in predictor.card.trained) == (family in ATTENTIVE)
        together = predictor.batch(list(pictures.values()), ["rgb"] * len(pictures), EVERY_CLASS)
        for name, batched in zip(pictures, together, strict=True):
            for answer in (predictor(pictures[name], "rgb", EVERY_CLASS), batched):
                scores = np.zeros(CLASSES)
                scores[answer.classification.class_ids] = answer.classification.scores
                np.testing.assert_allclose(scores, expected[name], atol=1e-3, err_msg=f"{engine} {name}")


@pytest.mark.parametrize("family", ATTENTIVE)
def test_attention_is_the_rollout_of_timm_s(
    family: str, published: Callable[[str], tuple[Path, Any]]
) -> None:
    folder, model = published(family)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    mean, std = (torch.tensor(model.pretrained_cfg[name]) for name in ("mean", "std"))
    with torch.no_grad():
        attentions = []
        for block in model.blocks:
            block.attn.register_forward_pre_hook(
                lambda layer, given: attentions.append(weights_of(layer, given[0]))
            )
        model(((torch.from_numpy(images) / 255 - mean) / std).permute(0, 3, 1, 2))
        for block in model.blocks:
            block.attn._forward_pre_hooks.clear()
    pooled = family in ("vit with registers", "siglip")
    for engine in ("torch", "onnxruntime"):
        predictor = predictor_of(folder, engine=engine, device="cpu", precision="fp32")
        found = predictor.engine(images)["attention"]
        for place in range(2):
            expected = dense_rollout([block[place] for block in attentions], 16, pooled)
            assert np.ptp(expected) > 1e-2, "the patches differ"
            np.testing.assert_allclose(found[place].reshape(-1), expected, atol=1e-4)


def weights_of(layer: Any, tokens: Any) -> np.ndarray:
    """(B, heads, N, N), by definition."""
    batch, count, _ = tokens.shape
    query, key, _ = layer.qkv(tokens).reshape(batch, count, 3, layer.num_heads, -1).permute(2, 0, 3, 1, 4)
    return (query @ key.transpose(-1, -2) * layer.head_dim**-0.5).softmax(-1).numpy()


def test_asking_for_attention_leaves_the_fused_path_as_it_was(
    published: Callable[[str], tuple[Path, Any]],
) -> None:
    model, _, _ = open_public(published("vit")[0])
    image = torch.zeros(1, 3, 64, 64)
    before = [block.attn.fused_attn for block in model.model.blocks]
    with torch.no_grad():
        alone, asked = model(image), model(image, attention=True)
    assert [block.attn.fused_attn for block in model.model.blocks] == before
    assert set(alone) == {"classification"}
    torch.testing.assert_close(alone["classification"], asked["classification"], atol=1e-5, rtol=1e-4)


def labels(folder: Path, classes: int, **config: Any) -> tuple[str, ...]:
    save(folder, "vit_tiny_patch16_224", PLAIN | {"depth": 1, "num_classes": classes}, {}, **config)
    return open_public(folder)[1].labels


def test_labels_are_those_in_the_folder(tmp_path: Path) -> None:
    names = [f"n{index}" for index in range(CLASSES)]
    assert labels(tmp_path / "names", CLASSES, label_names=names) == tuple(names)
    descriptions = {name: f"what {name} is" for name in names}
    described = labels(tmp_path / "both", CLASSES, label_names=names, label_descriptions=descriptions)
    assert described == tuple(descriptions.values())


def test_labels_are_else_imagenet_s_or_numbers(tmp_path: Path) -> None:
    found = labels(tmp_path / "imagenet", 1000)
    assert found[0].startswith("tench")
    assert len(found) == 1000
    assert labels(tmp_path / "numbers", 3) == ("0", "1", "2")


def test_what_transformers_saves_of_timm_is_the_same_model(
    published: Callable[[str], tuple[Path, Any]], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder, _ = published("vit")
    state = {f"timm_model.{name}": value for name, value in load_file(folder / "model.safetensors").items()}
    save_file(state, tmp_path / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    config |= {"architectures": ["TimmWrapperForImageClassification"], "model_type": "timm_wrapper"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, found = (open_public(place)[0](image)["classification"] for place in (folder, tmp_path))
    torch.testing.assert_close(found, expected)


def test_an_adopted_folder_is_built_without_its_weights(published: Callable[[str], tuple[Path, Any]]) -> None:
    folder, _ = published("vit")
    model, _, architecture = open_public(folder)
    adopted = predictor_of(folder, engine="onnxruntime", device="cpu", precision="fp32").card.folder
    built = build_public(architecture, adopted)
    assert list(built.state_dict()) == list(model.state_dict())


def rewrite(folder: Path, source: Path, **changes: Any) -> Path:
    folder.mkdir()
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_what_cannot_be_used_is_said(published: Callable[[str], tuple[Path, Any]], tmp_path: Path) -> None:
    source, _ = published("vit")
    with pytest.raises(ValueError, match=r"architecture 'vit_from_tomorrow', which timm .* has not"):
        open_public(rewrite(tmp_path / "unknown", source, architecture="vit_from_tomorrow"))
    with pytest.raises(ValueError, match="does not hold a whole beit_base_patch16_224"):
        open_public(rewrite(tmp_path / "other", source, architecture="beit_base_patch16_224"))
    headless = rewrite(tmp_path / "headless", source)
    save(headless, "vit_tiny_patch16_224", PLAIN | {"num_classes": 0, "depth": 1}, {})
    with pytest.raises(ValueError, match="without a classifier: give it to load_backbone"):
        open_public(headless)
    pickled = rewrite(tmp_path / "pickled", source)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"pytorch_model.bin alone, a pickle"):
        open_public(pickled)
    cut = rewrite(tmp_path / "cut", source)
    (cut / "model.safetensors").write_bytes((source / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"does not hold a whole vit_tiny_patch16_224.*download it again"):
        open_public(cut)


def test_a_published_vit_carries_our_heads(published: Callable[[str], tuple[Path, Any]]) -> None:
    folder, reference = published("vit")
    backbone = load_backbone(folder).backbone
    image = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = reference.forward_features(image)
        features = backbone(image)
    tokens = torch.cat([features.prefix_tokens, features.patch_tokens], dim=1)
    torch.testing.assert_close(tokens, expected, atol=1e-4, rtol=1e-4)
    config = PyramidConfig(layers=(1, 3), width=16, fine_width=16)
    pyramid = make_pyramid(config, backbone)
    heads = {
        "classification": ClassificationHead(backbone.embed_dim, 3),
        "detection": DetectionHead(config, pyramid.strides, 2),
    }
    outputs = PerceptionModel(backbone, heads, pyramid).eval()(torch.randn(1, 3, 48, 80), attention=True)
    assert outputs["classification"].shape == (1, 3)
    assert outputs["detection_scores"].shape[-1] == 2
    assert outputs["attention"].shape == (1, 3, 3, 5)


@pytest.mark.parametrize(("name", "heads"), [("vit_huge_patch14_224", 16), ("vit_giant_patch14_224", 16)])
def test_wide_vits_have_the_heads_of_their_papers(name: str, heads: int, tmp_path: Path) -> None:
    model = timm.create_model(name, depth=1, img_size=28, mlp_ratio=0.5, num_classes=0)
    save_for_hf(model, str(tmp_path), safe_serialization=True)
    assert model.blocks[0].attn.num_heads == heads
    assert load_backbone(tmp_path).backbone.num_heads == heads
