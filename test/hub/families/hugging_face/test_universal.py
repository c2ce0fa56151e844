"""Mask2Former, MaskFormer, OneFormer and EoMT answer as transformers' own processors do, in every engine."""

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
from hub.publish import photographs
from hub.segmenters import LABELS, SEGMENTERS, vary
from vit_perception.cards.rules import SegmentationRule
from vit_perception.runtime.decode.queries import segments
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Detection, Perception

NONE = 255
# OpenVINO compiles for every shape; that it agrees is also seen when a model is adopted.
EVERYWHERE = ("eomt-panoptic",)
# Random weights of which a segment or two come out.
SEEDS = {"maskformer-panoptic": 4, "oneformer": 1, "eomt-panoptic": 3}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a model, made when it is first asked for."""
    folders: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            torch.manual_seed(SEEDS.get(name, 0))
            model, processor, *others = SEGMENTERS[name]()
            folders[name] = tmp_path_factory.mktemp("hub") / name
            for each in (processor, *others):
                each.save_pretrained(folders[name])
            vary(model, [_inputs(folders[name], picture) for picture in photographs().values()])
            model.save_pretrained(folders[name])
        return folders[name]

    return folder


def _inputs(folder: Path, picture: np.ndarray) -> dict[str, Any]:
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    if "oneformer" not in folder.name:
        inputs = processor(images=picture, return_tensors="pt")
        return {name: inputs[name] for name in ("pixel_values", "patch_offsets") if name in inputs}
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    both = transformers.OneFormerProcessor(processor, tokenizer)
    inputs = both(images=picture, task_inputs=["panoptic"], return_tensors="pt")
    return {name: inputs[name] for name in ("pixel_values", "task_inputs")}


def _of_library(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray, list[tuple[int, float]]]]:
    """By photograph: classes and segments of the pixels, and class and score of each segment."""
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    auto = transformers.AutoModelForUniversalSegmentation
    model = auto.from_pretrained(folder, attn_implementation="eager").eval()
    found = {}
    for name, picture in photographs().items():
        with torch.no_grad():
            outputs = model(**_inputs(folder, picture))
        sizes = [picture.shape[:2]]
        if "semantic" in folder.name:
            classes = processor.post_process_semantic_segmentation(outputs, target_sizes=sizes)[0].numpy()
            found[name] = classes, np.zeros(sizes[0]), []
        else:
            answer = processor.post_process_panoptic_segmentation(outputs, target_sizes=sizes)[0]
            found[name] = _segments_of(answer)
    return found


def _segments_of(answer: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, list[tuple[int, float]]]:
    """Segments numbered from 1 in their order."""
    places = answer["segmentation"].numpy()
    classes, numbers = np.full(places.shape, NONE), np.zeros(places.shape, int)
    for number, each in enumerate(answer["segments_info"], start=1):
        classes[places == each["id"]], numbers[places == each["id"]] = each["label_id"], number
    return classes, numbers, [(each["label_id"], each["score"]) for each in answer["segments_info"]]


def _assert_same(answer: Perception, expected: tuple[np.ndarray, np.ndarray, list[Any]]) -> None:
    classes, numbers, found = expected
    segmentation = answer.segmentation
    assert segmentation is not None
    assert (segmentation.mask != classes).mean() <= 1e-3
    if not found:
        assert segmentation.instances is None
        assert answer.detection is None
        return
    assert (segmentation.instances != numbers).mean() <= 1e-3
    _assert_boxes(answer.detection, segmentation.instances, found)


def _assert_boxes(detection: Detection | None, instances: Any, found: list[tuple[int, float]]) -> None:
    assert detection is not None
    assert detection.instance_ids is not None
    assert (np.diff(detection.scores) <= 0).all()
    assert sorted(detection.instance_ids) == list(range(1, len(found) + 1))
    for box, class_id, score, number in zip(
        detection.boxes, detection.class_ids, detection.scores, detection.instance_ids, strict=True
    ):
        assert class_id == found[number - 1][0]
        assert score == pytest.approx(found[number - 1][1], abs=1e-3)
        rows, columns = np.nonzero(instances == number)
        around = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_array_equal(box, around)


@pytest.mark.parametrize("name", SEGMENTERS)
def test_segments_are_those_of_the_library(name: str, published: Callable[[str], Path]) -> None:
    folder = published(name)
    pictures = photographs()
    expected = _of_library(folder)
    for classes, _, _ in expected.values():
        assert len(np.unique(classes)) > 1
    square = pictures["square"]
    together = [square, np.ascontiguousarray(square[:, ::-1]), np.ascontiguousarray(square[::-1])]
    for engine in ("torch", "onnxruntime", *(("openvino",) if name in EVERYWHERE else ())):
        predictor = predictor_of(folder, engine=engine, device="cpu", precision="fp32")
        card = predictor.card
        assert card.batched
        assert card.labels == tuple(LABELS.values())
        assert ("detection" in card.tasks) == ("semantic" not in name)
        assert ("attention" in card.tasks) == (name == "eomt-panoptic")
        for shape, picture in pictures.items():
            found = predictor(picture, "rgb")
            _assert_same(found, expected[shape])
            if found.attention is not None:
                assert np.ptp(found.attention.heatmap) > 0.1
        for each, found in zip(together, predictor.batch(together, ["rgb"] * 3), strict=True):
            alone = predictor(each, "rgb").segmentation
            assert alone is not None
            assert found.segmentation is not None
            assert (found.segmentation.mask != alone.mask).mean() <= 1e-3


def test_the_threshold_cuts_boxes(published: Callable[[str], Path]) -> None:
    predictor = predictor_of(published("eomt-panoptic"), engine="onnxruntime", device="cpu", precision="fp32")
    picture = photographs()["landscape"]
    every = predictor(picture, "rgb").detection
    assert every is not None
    assert len(every.scores) > 1
    least = float(every.scores[0])
    cut = predictor(picture, "rgb", Request(thresholds={"detection": least})).detection
    assert cut is not None
    assert 0 < len(cut.scores) < len(every.scores)


def _raw(classes: int = 64) -> dict[str, np.ndarray]:
    """Ten queries sure of some class, or of none, with masks that overlap."""
    generator = np.random.default_rng(0)
    scores = generator.normal(0, 1, (10, classes + 1)).astype(np.float32)
    scores[np.arange(10), [3, 3, 5, 7, 9, 9, 9, 11, classes, 3]] += generator.uniform(5, 12, 10)
    # Discs that lie over their neighbours.
    rows, columns = np.mgrid[:24, :32]
    middles = generator.uniform((4, 4), (20, 28), (10, 2))
    radii = generator.uniform(3, 8, 10)
    apart = np.hypot(rows - middles[:, :1, None], columns - middles[:, 1:, None])
    masks = (radii[:, None, None] - apart).astype(np.float32) * 1.5
    return {"query_scores": scores, "query_masks": masks}


@pytest.mark.parametrize("family", ["Mask2Former", "MaskFormer", "OneFormer", "Eomt"])
@pytest.mark.parametrize("kind", ["semantic", "instance", "panoptic", "fused"])
def test_raw_outputs_are_read_as_the_library_does(family: str, kind: str) -> None:
    from transformers.models.eomt.modeling_eomt import EomtForUniversalSegmentationOutput as Output

    if (family, kind) == ("OneFormer", "instance"):
        pytest.skip("OneFormer is asked for the panoptic answer")
    raw, source = _raw(), (150, 173)
    fused = (3, 9) if kind == "fused" else ()
    rule = SegmentationRule("panoptic" if fused else kind, fused=fused)
    processor = getattr(transformers, f"{family}ImageProcessor")()
    given: dict[str, Any] = {"target_sizes": [source]}
    if fused:
        given["stuff_classes" if family == "Eomt" else "label_ids_to_fuse"] = set(fused)
    geometry = Geometry(source, (96.0, 128.0), (96, 128))
    if family == "Mask2Former":
        rule = SegmentationRule(rule.kind, fused=fused, through=(384, 384))
    if family == "Eomt":
        given["size"] = {"shortest_edge": 96, "longest_edge": 128}
        order = "probabilities" if kind == "semantic" else "logits"
        rule = SegmentationRule(rule.kind, 0.8, fused=fused, through=(96, 128), interpolated=order)
        height, width = (96, 110) if kind != "semantic" else (96, 128)  # the library's resize of such a frame
        geometry = Geometry(source, (float(height), float(width)), (96, 128))
    outputs = Output(
        class_queries_logits=torch.from_numpy(raw["query_scores"])[None],
        masks_queries_logits=torch.from_numpy(raw["query_masks"])[None],
    )
    found = segments(raw, rule, geometry, geometry)
    answer = getattr(processor, f"post_process_{rule.kind}_segmentation")(outputs, **given)[0]
    if kind == "semantic":
        assert (found.segmentation.mask != answer.numpy()).mean() <= 1e-3
        assert len(np.unique(found.segmentation.mask)) > 3
        return
    classes, numbers, segments_info = _segments_of(answer)
    assert (found.segmentation.mask != classes).mean() <= 1e-3
    assert len(np.unique(classes)) > 3
    assert found.detection is not None
    assert found.segmentation.instances is not None
    if not fused:  # of fused ones, the library lists every part, and may give two segments one number
        assert (found.segmentation.instances != numbers).mean() <= 1e-3
        np.testing.assert_allclose(
            found.detection.scores, sorted((score for _, score in segments_info), reverse=True), atol=1e-3
        )
    else:
        ids = found.detection.class_ids.tolist()
        assert ids.count(3) <= 1
        assert ids.count(9) <= 1
