"""Image classifiers of transformers answer as transformers' own pipeline does, with every engine."""

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
from hub.publish import photographs, publish, settle, sharpen
from hub.rollout import centres_of_cells, dense_rollout
from vit_perception.runtime.preprocess import preprocess
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Perception

CLASSES = 7
EVERY_CLASS = Request(thresholds={"classification": 0.0})
PLAIN = {
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": 64,
    "patch_size": 16,
}
SQUARE = {"height": 64, "width": 64}
# What DINOv2, CLIP and MobileNet have: an odd rest on both sides of some photographs.
CROPPED = {"size": {"shortest_edge": 75}, "crop_size": SQUARE, "resample": 3}


LABELS = {i: f"class {i}" for i in range(CLASSES)}


def made(family: str, suffix: str = "ForImageClassification", **settings: Any) -> Any:
    config = getattr(transformers, f"{family}Config")(num_labels=CLASSES, id2label=LABELS, **settings)
    return getattr(transformers, family + suffix)(config)


def processor(family: str, **settings: Any) -> Any:
    return getattr(transformers, f"{family}ImageProcessor")(**settings)


def swin(version: str) -> Any:
    # Windows of 4 on a grid of 16, so that half of the blocks shift them.
    shape = {"image_size": 64, "patch_size": 4, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4]}
    return made(f"Swin{version}", window_size=4, **shape)


def mobilevit(version: str) -> Any:
    if version:
        return made("MobileViTV2", image_size=64, width_multiplier=0.25)
    small = {"hidden_sizes": [16, 24, 32], "neck_hidden_sizes": [8, 8, 16, 24, 32, 48, 64]}
    return made("MobileViT", image_size=64, **small)


def of_two_towers(family: str, images: str = "Vision") -> Any:
    vision = getattr(transformers, f"{family}{images}Config")(**PLAIN)
    config = getattr(transformers, f"{family}Config")(vision_config=vision.to_dict(), id2label=LABELS)
    return getattr(transformers, f"{family}ForImageClassification")(config)


def levit() -> Any:
    shape = {
        "hidden_sizes": [16, 32, 48],
        "num_attention_heads": [1, 2, 3],
        "depths": [1, 1, 1],
        "key_dim": [8, 8, 8],
    }
    return made("Levit", "ForImageClassificationWithTeacher", image_size=64, **shape)


def efficientnet() -> Any:
    return made("EfficientNet", image_size=64, width_coefficient=0.25, depth_coefficient=0.2, hidden_dim=320)


FAMILIES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "vit": lambda: (made("ViT", **PLAIN), processor("ViT", size=SQUARE)),
    "deit": lambda: (made("DeiT", **PLAIN), processor("DeiT", **CROPPED)),
    "deit with teacher": lambda: (
        made("DeiT", "ForImageClassificationWithTeacher", **PLAIN),
        processor("DeiT", **CROPPED | {"size": {"height": 73, "width": 73}}),
    ),
    "beit": lambda: (
        made("Beit", **PLAIN, use_relative_position_bias=True, layer_scale_init_value=0.1),
        processor("Beit", size={"height": 72, "width": 72}, do_center_crop=True, crop_size=SQUARE),
    ),
    "swin": lambda: (swin(""), processor("ViT", size=SQUARE, resample=3)),
    "swin v2": lambda: (swin("v2"), processor("ViT", size=SQUARE, resample=3)),
    "mobilevit": lambda: (mobilevit(""), processor("MobileViT", **CROPPED)),
    "mobilevit v2": lambda: (mobilevit("V2"), processor("MobileViT", **CROPPED | {"resample": 2})),
    "dinov2": lambda: (made("Dinov2", **PLAIN), processor("Bit", **CROPPED)),
    "dinov2 with registers": lambda: (
        made("Dinov2WithRegisters", **PLAIN, num_register_tokens=4),
        processor("Bit", **CROPPED),
    ),
    "convnext": lambda: (
        made("ConvNext", hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1]),
        processor("ConvNext", size={"shortest_edge": 64}, crop_pct=0.875),
    ),
    "clip": lambda: (of_two_towers("CLIP"), processor("CLIP", **CROPPED)),
    "siglip": lambda: (of_two_towers("Siglip"), processor("Siglip", size=SQUARE)),
    "levit": lambda: (levit(), processor("Levit", size={"shortest_edge": 64}, crop_size=SQUARE)),
    "efficientnet": lambda: (efficientnet(), processor("EfficientNet", size=SQUARE, rescale_offset=True)),
    "pvt": lambda: (
        made(
            "Pvt",
            image_size=64,
            hidden_sizes=[8, 16, 24, 32],
            depths=[1, 1, 1, 1],
            num_attention_heads=[1, 2, 3, 4],
        ),
        processor("Pvt", size=SQUARE),
    ),
    "poolformer": lambda: (
        made("PoolFormer", hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1]),
        processor("PoolFormer", size={"shortest_edge": 64}, crop_size=SQUARE, crop_pct=0.9),
    ),
}
ATTENTIVE = ("vit", "deit", "deit with teacher", "beit", "dinov2", "dinov2 with registers", "clip", "siglip")


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path_factory.mktemp("store")))
        yield


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family, made when it is first asked for."""
    folders: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in folders:
            torch.manual_seed(0)
            model, settings = FAMILIES[family]()
            sharpen(model)
            attend(model)
            inputs = settings(images=list(photographs().values()), return_tensors="pt")
            settle(model, lambda: model(**inputs).logits)
            folders[family] = tmp_path_factory.mktemp("hub") / family
            model.save_pretrained(folders[family])
            settings.save_pretrained(folders[family])
        return folders[family]

    return folder


def attend(model: Any) -> None:
    """Larger queries and keys: of random weights, every token else attends to all others alike."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("query.weight", "q_proj.weight", "key.weight", "k_proj.weight")):
                parameter.mul_(3)


def by_label(perception: Perception, labels: tuple[str, ...]) -> dict[str, float]:
    answer = perception.classification
    assert answer is not None
    return {labels[i]: float(s) for i, s in zip(answer.class_ids, answer.scores, strict=True)}


def of_pipeline(folder: Path) -> dict[str, dict[str, float]]:
    """Scores by label for each photograph, resized by Pillow: torchvision's tensors differ by a level of
    256 in a few bytes of a thousand (test/cards/test_recipe.py), which random weights may enlarge."""
    from PIL import Image

    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    pipe = transformers.pipeline(
        "image-classification", model=str(folder), image_processor=processor, device="cpu"
    )
    found = {}
    for name, picture in photographs().items():
        answers = pipe(Image.fromarray(picture), top_k=CLASSES)
        found[name] = {answer["label"]: answer["score"] for answer in answers}
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_the_pipeline(family: str, published: Callable[[str], Path]) -> None:
    folder = published(family)
    expected = of_pipeline(folder)
    values = np.array([[scores[label] for label in sorted(scores)] for scores in expected.values()])
    assert np.ptp(values, axis=1).min() > 0.02, "the classes differ"
    assert np.ptp(values, axis=0).max() > 0.01, "the photographs differ"
    pictures = photographs()
    for engine in ("torch", "onnxruntime", "openvino"):
        predictor = predictor_of(folder, engine=engine, device="cpu", precision="fp32")
        assert predictor.card.batched
        together = predictor.batch(list(pictures.values()), ["rgb"] * len(pictures), EVERY_CLASS)
        for name, batched in zip(pictures, together, strict=True):
            alone = by_label(predictor(pictures[name], "rgb", EVERY_CLASS), predictor.card.labels)
            assert alone == pytest.approx(expected[name], abs=1e-3), (engine, name)
            assert by_label(batched, predictor.card.labels) == pytest.approx(alone, abs=1e-4), (engine, name)


@pytest.mark.parametrize("family", ATTENTIVE)
def test_attention_is_the_rollout_of_the_library_s(family: str, published: Callable[[str], Path]) -> None:
    folder = published(family)
    model = type(FAMILIES[family]()[0]).from_pretrained(folder, attn_implementation="eager").eval()
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    for engine in ("torch", "onnxruntime"):
        predictor = predictor_of(folder, engine=engine, device="cpu", precision="fp32")
        card = predictor.card
        given = (torch.from_numpy(images) / 255 - torch.tensor(card.mean)) / torch.tensor(card.std)
        with torch.no_grad():
            attentions = model(given.permute(0, 3, 1, 2).float(), output_attentions=True).attentions
        found = predictor.engine(images)["attention"]
        for place in range(2):
            expected = dense_rollout(
                [block[place].numpy() for block in attentions],
                16,
                pooled=family in ("beit", "clip", "siglip"),
            )
            assert np.ptp(expected) > 1e-2, "the patches differ"
            np.testing.assert_allclose(found[place].reshape(-1), expected, atol=1e-4)


def test_other_architectures_give_no_attention(published: Callable[[str], Path]) -> None:
    predictor = predictor_of(published("swin"), engine="onnxruntime", device="cpu", precision="fp32")
    assert "attention" not in predictor.card.tasks
    assert predictor(photographs()["square"]).attention is None


@pytest.mark.parametrize("photograph", ["landscape", "portrait", "square"])
def test_the_heat_map_lies_where_the_crop_is(photograph: str, published: Callable[[str], Path]) -> None:
    predictor = predictor_of(published("deit"), engine="onnxruntime", device="cpu", precision="fp32")
    picture = photographs()[photograph]
    raw, _ = preprocess(picture, predictor.card, "rgb")
    weights = predictor.engine(raw)["attention"][0, 0]
    heat = predictor(picture, "rgb").attention.heatmap
    assert heat.shape == picture.shape[:2]
    source = (picture.shape[0], picture.shape[1])
    resized = tuple(int(75 * side / min(source)) for side in source)
    centres = centres_of_cells(4, resized, 64, source)
    found = heat[tuple(np.rint(centres - 0.5).astype(int).transpose(2, 0, 1))]
    np.testing.assert_allclose(found, weights / weights.max(), atol=0.05)
    rows, columns = np.nonzero(heat)
    for lines, side, whole in zip((rows, columns), resized, source, strict=True):
        first = (side - 64) // 2 * whole / side
        assert lines.min() == pytest.approx(first, abs=1)
        assert lines.max() == pytest.approx(first + 64 * whole / side - 1, abs=1)


def test_labels_are_the_publisher_s(published: Callable[[str], Path]) -> None:
    card = predictor_of(published("vit"), engine="onnxruntime", device="cpu", precision="fp32").card
    assert card.labels == tuple(LABELS.values())
    assert card.decoding.classification.activation == "softmax"


def test_a_multi_label_model_answers_each_class_by_itself(tmp_path: Path) -> None:
    model = made("ViT", **PLAIN, problem_type="multi_label_classification")
    publish(tmp_path / "tags", model, processor("ViT", size=SQUARE))
    expected = of_pipeline(tmp_path / "tags")
    predictor = predictor_of(tmp_path / "tags", engine="onnxruntime", device="cpu", precision="fp32")
    for name, picture in photographs().items():
        found = by_label(predictor(picture, "rgb", EVERY_CLASS), predictor.card.labels)
        assert found == pytest.approx(expected[name], abs=1e-3)
        assert sum(found.values()) != pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("processor_class", ["ImageGPT", "Perceiver", "TextNet"])
def test_a_processor_that_no_recipe_describes_is_refused(processor_class: str, tmp_path: Path) -> None:
    colours = {"clusters": [[0.0, 0.0, 0.0]]} if processor_class == "ImageGPT" else {}
    publish(tmp_path / "odd", made("ViT", **PLAIN), processor(processor_class, **colours))
    with pytest.raises(
        ValueError, match=f"{processor_class}ImageProcessor.* does more than resize, crop and pad"
    ):
        predictor_of(tmp_path / "odd", engine="torch", device="cpu", precision="fp32")
