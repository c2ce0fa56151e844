"""Object detectors of transformers answer as transformers' own processors do, with every engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="public models are adopted with torch")
transformers = pytest.importorskip("transformers", reason="the reference implementation, a test dependency")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

from hub.adopted import predictor_of
from hub.detectors import DETECTORS, LABELS, vary
from hub.publish import photographs
from vit_perception.cards.recipe import read_recipe
from vit_perception.hub.families.hugging_face.processors import normalisation_of, recipe_of
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Detection, Perception

ALL = Request(thresholds={"detection": 0.0})
ATTENTIVE = (
    "yolos",
    "detr",
    "detr padded",
    "detr of timm",
    "table transformer",
    "conditional detr",
    "dab detr",
)
# OpenVINO compiles for every shape; that it agrees is also seen when a model is adopted.
EVERYWHERE = ("yolos", "detr padded", "rt-detr")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a detector, made when it is first asked for."""
    folders: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            torch.manual_seed(0)
            model, processor = DETECTORS[name]()
            vary(model, processor(images=photographs()["square"], return_tensors="pt"))
            folders[name] = tmp_path_factory.mktemp("hub") / name
            model.save_pretrained(folders[name])
            processor.save_pretrained(folders[name])
        return folders[name]

    return folder


def _pictures(name: str) -> dict[str, np.ndarray]:
    """What a detector is shown. RF-DETR's processor resizes without rounding to bytes, and random weights
    enlarge the difference: it gets pictures of its own size, and its pixels have a test of their own.
    """
    cut = (slice(96), slice(96)) if name == "rf-detr" else ()
    return {shape: np.ascontiguousarray(picture[cut]) for shape, picture in photographs().items()}


def _of_library(folder: Path) -> dict[str, Detection]:
    """All boxes for each picture, by transformers; images resized by Pillow where it can."""
    try:
        processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    except (ValueError, ImportError):
        processor = transformers.AutoImageProcessor.from_pretrained(folder)
    model = transformers.AutoModelForObjectDetection.from_pretrained(folder).eval()
    found = {}
    for name, picture in _pictures(folder.name).items():
        with torch.no_grad():
            outputs = model(**processor(images=picture, return_tensors="pt"))
        answer = processor.post_process_object_detection(outputs, 0.0, [picture.shape[:2]])[0]
        found[name] = _seen(picture, **{key: value.numpy() for key, value in answer.items()})
    return found


def _seen(picture: np.ndarray, boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> Detection:
    """Clipped to the picture, what is left of each at least half a pixel."""
    height, width = picture.shape[:2]
    boxes = boxes.clip(0, [width, height, width, height])
    whole = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= 0.5
    return Detection(boxes[whole], labels[whole], scores[whole])


def _assert_same(found: Perception, expected: Detection) -> None:
    """Each box looked for, as those whose scores are alike may have changed places."""
    answer = found.detection
    assert answer is not None
    assert len(answer.boxes) == len(expected.boxes) >= 10
    assert (np.diff(answer.scores) <= 0).all()
    free = np.ones(len(answer.boxes), bool)
    for box, score, label in zip(expected.boxes, expected.scores, expected.class_ids, strict=True):
        apart = np.abs(answer.boxes - box).max(axis=1)
        alike = free & (apart < 0.5) & (np.abs(answer.scores - score) < 1e-3) & (answer.class_ids == label)
        assert alike.any(), (box, score, label, apart.min())
        free[np.flatnonzero(alike)[apart[alike].argmin()]] = False


@pytest.mark.parametrize("name", DETECTORS)
def test_boxes_are_those_of_the_library(name: str, published: Callable[[str], Path]) -> None:
    folder = published(name)
    pictures = _pictures(name)
    expected = _of_library(folder)
    square = pictures["square"]
    together = [square, np.ascontiguousarray(square[:, ::-1]), np.ascontiguousarray(square[::-1])]
    for answer in expected.values():
        assert len(set(answer.class_ids)) > 1
        assert np.ptp(answer.scores) > 0.01
        assert np.ptp(answer.boxes, axis=0).min() > 1
    for engine in ("torch", "onnxruntime", *(("openvino",) if name in EVERYWHERE else ())):
        predictor = predictor_of(folder, engine=engine, device="cpu", precision="fp32")
        assert predictor.card.batched
        assert predictor.card.labels == tuple(LABELS.values())
        assert ("attention" in predictor.card.tasks) == (name in ATTENTIVE)
        for shape, picture in pictures.items():
            found = predictor(picture, "rgb", request=ALL)
            _assert_same(found, expected[shape])
            if name in ATTENTIVE:
                assert found.attention is not None
                assert found.attention.heatmap.shape == picture.shape[:2]
                assert np.ptp(found.attention.heatmap) > 0.1
        for each, found in zip(together, predictor.batch(together, ["rgb"] * 3, request=ALL), strict=True):
            alone = predictor(each, "rgb", request=ALL).detection
            assert alone is not None
            _assert_same(found, alone)


@pytest.mark.parametrize("name", ["yolos", "conditional detr"])
def test_the_threshold_is_that_of_the_pipeline(name: str, published: Callable[[str], Path]) -> None:
    from PIL import Image

    folder = published(name)
    picture = photographs()["landscape"]
    predictor = predictor_of(folder, engine="onnxruntime", device="cpu", precision="fp32")
    scores = np.sort(_of_library(folder)["landscape"].scores)[::-1]
    place = int(np.argmin(np.diff(scores)))
    threshold = float(scores[place : place + 2].mean())
    pipe: Any = transformers.pipeline("object-detection", model=str(folder), device="cpu")
    answers = pipe(Image.fromarray(picture), threshold=threshold)
    found = predictor(picture, "rgb", Request(thresholds={"detection": threshold})).detection
    assert found is not None
    assert 0 < len(found.boxes) <= len(answers) == place + 1
    assert predictor.card.thresholds["detection"] == 0.5


def test_rf_detr_resizes_without_a_filter() -> None:
    processor = DETECTORS["rf-detr"]()[1]
    mean, std = (255 * np.array(values) for values in normalisation_of(processor))
    for picture in photographs().values():
        pixels = processor(images=picture, return_tensors="pt")["pixel_values"][0].numpy().transpose(1, 2, 0)
        ours = picture
        for step in read_recipe(recipe_of(processor)):
            ours = step.apply(ours)
        assert np.abs(pixels * std + mean - ours).max() < 1


def test_attention_is_weighed_by_scores(published: Callable[[str], Path]) -> None:
    """The maps of single queries, as the library gives them, add up to ours."""
    from vit_perception.hub.build import open_public

    folder = published("detr")
    ours, _, _ = open_public(folder)
    library = transformers.AutoModelForObjectDetection.from_pretrained(
        folder, attn_implementation="eager"
    ).eval()
    image = torch.rand(2, 3, 96, 128, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = ours(image, attention=True)["attention"]
        answer = library(pixel_values=image, output_attentions=True)
    scores = answer.logits.softmax(-1)[..., :-1].amax(-1)
    weights = answer.cross_attentions[-1]
    expected = torch.einsum("bhqp,bq->bhp", weights, scores / scores.sum(1, keepdim=True))
    torch.testing.assert_close(found, expected.reshape(2, 2, 3, 4))
