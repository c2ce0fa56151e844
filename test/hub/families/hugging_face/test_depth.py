"""Depth estimators of transformers answer as transformers' own pipeline does, with every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="public models are adopted with torch")
transformers = pytest.importorskip("transformers", reason="the reference implementation, a test dependency")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

from hub.adopted import predictor_of
from hub.publish import photographs, sharpen
from hub.rollout import dense_rollout
from vit_perception.hub.families.hugging_face import depth
from vit_perception.hub.families.hugging_face.checkpoint import Checkpoint
from vit_perception.hub.families.hugging_face.depth_sizes import free_sizes
from vit_perception.runtime.preprocess import preprocess
from vit_perception.runtime.request import Request

ENGINES = ("torch", "onnxruntime", "openvino")
TRUNK = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2}
STAGES = {"out_features": ["stage1", "stage2", "stage3", "stage4"], "reshape_hidden_states": False}
NECK = {"neck_hidden_sizes": [8, 16, 16, 16], "fusion_hidden_size": 16}
# As published: any size in patches of 14, of 32 pixels, or one size for all.
FREE_14 = {"size": {"height": 70, "width": 70}, "keep_aspect_ratio": True, "ensure_multiple_of": 14}
FREE_32 = {"size": {"height": 64, "width": 96}, "keep_aspect_ratio": True, "ensure_multiple_of": 32}
FIXED = {"size": {"height": 64, "width": 64}}
WHOLE = {"size": {"height": 128, "width": 128}}


def dinov2() -> Any:
    return transformers.Dinov2Config(**TRUNK, **STAGES, image_size=56, patch_size=14, apply_layernorm=True)


def beit() -> Any:
    # The table of a square window is stretched over others.
    return transformers.BeitConfig(
        **TRUNK,
        **STAGES,
        intermediate_size=64,
        image_size=64,
        patch_size=16,
        use_relative_position_bias=True,
        layer_scale_init_value=0.5,
    )


def depth_anything(**settings: Any) -> tuple[Any, Any]:
    config = transformers.DepthAnythingConfig(
        backbone_config=dinov2(), reassemble_hidden_size=32, head_hidden_size=8, **NECK, **settings
    )
    model = transformers.DepthAnythingForDepthEstimation(config)
    return model, transformers.DPTImageProcessor(**FREE_14, resample=3)


def dpt(processor: dict[str, Any], **settings: Any) -> tuple[Any, Any]:
    model = transformers.DPTForDepthEstimation(transformers.DPTConfig(**NECK | settings))
    return model, transformers.DPTImageProcessor(**processor)


def bit() -> Any:
    return transformers.BitConfig(
        embedding_size=8,
        num_groups=4,
        hidden_sizes=[8, 16, 32],
        depths=[1, 1, 1],
        layer_type="bottleneck",
        global_padding="same",
        embedding_dynamic_padding=True,
        out_features=["stage1", "stage2", "stage3"],
    )


def swin_v2() -> Any:
    return transformers.Swinv2Config(
        image_size=128,
        embed_dim=8,
        depths=[1, 1, 2, 1],
        num_heads=[1, 2, 2, 4],
        window_size=8,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )


def zoedepth(kinds: tuple[str, ...]) -> tuple[Any, Any]:
    bins = [
        {"name": kind, "n_bins": 16, "min_depth": 0.001, "max_depth": 10.0 * (1 + place)}
        for place, kind in enumerate(kinds)
    ]
    config = transformers.ZoeDepthConfig(
        backbone_config=beit(),
        bottleneck_features=16,
        num_relative_features=8,
        bin_embedding_dim=16,
        bin_configurations=bins,
        bin_centers_type="softplus" if len(kinds) > 1 else "normed",
        num_attractors=[4, 3, 2, 1],
        num_patch_transformer_layers=4,
        patch_transformer_num_attention_heads=4,
        patch_transformer_hidden_size=128,
        patch_transformer_intermediate_size=64,
        **NECK,
    )
    return transformers.ZoeDepthForDepthEstimation(config), transformers.ZoeDepthImageProcessor(**FREE_32)


def glpn() -> tuple[Any, Any]:
    config = transformers.GLPNConfig(
        hidden_sizes=[8, 16, 16, 32],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 2, 4],
        decoder_hidden_size=16,
    )
    return transformers.GLPNForDepthEstimation(config), transformers.GLPNImageProcessor()


FAMILIES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "depth anything": depth_anything,
    "depth anything metric": lambda: depth_anything(depth_estimation_type="metric", max_depth=20),
    "dpt": lambda: dpt(
        FIXED,
        **TRUNK,
        intermediate_size=64,
        image_size=48,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        is_hybrid=False,
    ),
    "dpt hybrid": lambda: dpt(
        FIXED,
        **TRUNK,
        intermediate_size=64,
        image_size=64,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        is_hybrid=True,
        backbone_config=bit(),
        backbone_featmap_shape=[1, 32, 4, 4],
        neck_hidden_sizes=[8, 16, 16, 16],
    ),
    "dpt dinov2": lambda: dpt(FREE_14, backbone_config=dinov2()),
    "dpt beit": lambda: dpt(FREE_32, backbone_config=beit()),
    "dpt swin v2": lambda: dpt(WHOLE, backbone_config=swin_v2(), neck_hidden_sizes=[8, 16, 32, 64]),
    "zoedepth": lambda: zoedepth(("nyu",)),
    "zoedepth of two": lambda: zoedepth(("nyu", "kitti")),
    "glpn": glpn,
}
ATTENTIVE = ("depth anything", "dpt", "dpt hybrid", "dpt beit", "zoedepth")
METRIC = ("depth anything metric", "zoedepth", "zoedepth of two", "glpn")


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path_factory.mktemp("store")))
        patch.setenv("VIT_PERCEPTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def settle(model: Any, pixels: Any) -> None:
    """Layers whose answers differ by about one, as trained ones' do, and a last one mostly above zero."""

    def even_out(module: Any, given: Any, output: Any) -> Any:
        scale = output.std().clamp(min=1e-3)
        module.weight /= scale
        if module.bias is None:
            return output / scale
        shift = output.mean() / scale - (2.0 if module is last else 0.0)
        module.bias.copy_(module.bias / scale - shift)
        return output / scale - shift

    parts = [part for name, part in model.named_children() if name not in ("backbone", "dpt", "glpn")]
    layers = [
        each
        for part in parts
        for each in part.modules()
        if isinstance(each, torch.nn.Conv2d | torch.nn.Linear)
    ]
    last = None if "metric_head" in dict(model.named_children()) else layers[-1]
    hooks = [layer.register_forward_hook(even_out) for layer in layers]
    with torch.no_grad():
        model(pixels)
    for hook in hooks:
        hook.remove()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family, made when it is first asked for."""
    folders: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in folders:
            torch.manual_seed(0)
            model, processor = FAMILIES[family]()
            sharpen(model.eval())
            settle(model, processor(images=photographs()["square"], return_tensors="pt")["pixel_values"])
            folders[family] = tmp_path_factory.mktemp("hub") / family
            model.save_pretrained(folders[family])
            processor.save_pretrained(folders[family])
        return folders[family]

    return folder


def of_pipeline(folder: Path, rounded: bool = True) -> dict[str, np.ndarray]:
    """Depth of each photograph, resized by Pillow (see test_classification.py).

    rounded: to bytes, as Pillow does and we do; ZoeDepth's processor alone resizes to fractions of a level.
    """
    from PIL import Image

    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    if rounded and type(processor).__name__.startswith("ZoeDepth"):
        resize = processor.resize
        processor.resize = lambda *args, **settings: np.rint(resize(*args, **settings) * 255) / 255
    pipe = transformers.pipeline(
        "depth-estimation", model=str(folder), image_processor=processor, device="cpu"
    )
    return {
        name: pipe(Image.fromarray(picture))["predicted_depth"].numpy()
        for name, picture in photographs().items()
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_depth_is_that_of_the_pipeline(family: str, published: Callable[[str], Path]) -> None:
    folder = published(family)
    expected = of_pipeline(folder)
    pictures = photographs()
    mirrored = np.ascontiguousarray(pictures["square"][:, ::-1])
    for engine in ENGINES:
        predictor = predictor_of(folder, engine=engine, device="cpu", precision="fp32")
        assert predictor.card.batched
        for name, wanted in expected.items():
            found = predictor(pictures[name], "rgb").depth
            assert found.metric == (family in METRIC)
            assert found.depth.dtype == np.float32
            assert wanted.std() > 0.05 * np.ptp(wanted) > 0.01, "places differ"
            close(found.depth, wanted, f"{engine} {name}")
        first, second, third = predictor.batch(
            [pictures["square"], mirrored, pictures["square"]], ["rgb"] * 3
        )
        close(first.depth.depth, expected["square"], f"{engine} first of three")
        close(second.depth.depth, predictor(mirrored, "rgb").depth.depth, f"{engine} second of three")
        close(third.depth.depth, expected["square"], f"{engine} third of three")


def close(found: np.ndarray, expected: np.ndarray, what: str) -> None:
    """To a thousandth of what there is between near and far."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3 * np.ptp(expected), err_msg=what)


@pytest.mark.parametrize("family", ["zoedepth", "zoedepth of two"])
def test_rounding_to_bytes_costs_zoedepth_a_hundredth(family: str, published: Callable[[str], Path]) -> None:
    """Its processor keeps fractions of a level, an engine's input has none; random filters enlarge that."""
    predictor = predictor_of(published(family), engine="onnxruntime", device="cpu", precision="fp32")
    for name, wanted in of_pipeline(published(family), rounded=False).items():
        found = predictor(photographs()[name], "rgb").depth.depth
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-2 * np.ptp(wanted), err_msg=name)


@pytest.mark.parametrize("family", ATTENTIVE)
def test_attention_is_the_rollout_of_the_backbone_s(family: str, published: Callable[[str], Path]) -> None:
    folder = published(family)
    model = type(FAMILIES[family]()[0]).from_pretrained(folder, attn_implementation="eager").eval()
    for engine in ("torch", "onnxruntime"):
        predictor = predictor_of(folder, engine=engine, device="cpu", precision="fp32")
        card, picture = predictor.card, photographs()["landscape"]
        image, _ = preprocess(picture, card, "rgb")
        given = (torch.tensor(image) / 255 - torch.tensor(card.mean)) / torch.tensor(card.std)
        with torch.no_grad():
            attentions = model(given.permute(0, 3, 1, 2).float(), output_attentions=True).attentions
        found = predictor.engine(image)["attention"][0].reshape(-1)
        expected = dense_rollout([block[0].numpy() for block in attentions], len(found), pooled=True)
        assert np.ptp(expected) > 1e-3, "the patches differ"
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert predictor(picture, "rgb").attention.heatmap.shape == picture.shape[:2]


def test_each_image_of_a_batch_has_the_head_that_it_asks_for() -> None:
    model, _ = FAMILIES["zoedepth of two"]()
    settle(model.eval(), torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)))
    images = torch.randn(6, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        votes = model(images).domain_logits
        # Half of the images for one head, half for the other.
        model.metric_head.mlp_classifier.linear2.bias[0] += np.median(votes[:, 1] - votes[:, 0])
        expected = [model(image[None]) for image in images]
        free_sizes(model)
        found = model(images)
    assert {int(each.domain_logits.argmax()) for each in expected} == {0, 1}
    for batched, each in zip(found.predicted_depth, expected, strict=True):
        torch.testing.assert_close(batched, each.predicted_depth[0], rtol=1e-4, atol=1e-4)


def test_a_smaller_input_of_a_model_that_takes_frames_as_they_are(published: Callable[[str], Path]) -> None:
    predictor = predictor_of(published("glpn"), engine="onnxruntime", device="cpu", precision="fp32")
    picture = photographs()["landscape"]
    assert preprocess(picture, predictor.card, "rgb")[0].shape == (1, 192, 288, 3)
    assert preprocess(picture, predictor.card, "rgb", scale=0.5)[0].shape == (1, 96, 128, 3)
    found = predictor(picture, "rgb", Request(input_scale=0.5, map_scale=0.5)).depth.depth
    assert found.shape == (106, 158)
    assert np.ptp(found) > 1


def test_a_processor_that_pads_on_all_sides_is_refused(tmp_path: Path) -> None:
    model, processor = dpt(FREE_14 | {"do_pad": True, "size_divisor": 14}, backbone_config=dinov2())
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"DPTImageProcessor.* pads on all sides"):
        predictor_of(tmp_path, engine="torch", device="cpu")


def test_other_estimators_are_refused_by_name(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, "DepthProForDepthEstimation", None, None)
    assert depth.handles(checkpoint.class_name)
    with pytest.raises(ValueError, match=r"DepthProForDepthEstimation.*choose one of DepthAnything.*GLPN"):
        depth.facts(checkpoint)
