"""OWL-ViT, OWLv2 and Grounding DINO as their publishers save them answer as in transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

import torch

from hub.adopted import predictor_of
from hub.publish import photographs, publish, sharpen
from hub.vocabularies import BERT_SIZE, bert_tokenizer, clip_tokenizer
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Detection

PROMPTS = ("a red helmet", "cat", "forklift", "person")
_SIDES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4}


def _owl(folder: Path, kind: str) -> Path:
    import transformers

    tokenizer = clip_tokenizer()
    config = getattr(transformers, f"{kind}Config")(
        text_config={**_SIDES, "vocab_size": len(tokenizer), "max_position_embeddings": 16},
        vision_config={**_SIDES, "image_size": 96, "patch_size": 16},
        projection_dim=32,
    )
    torch.manual_seed(1)
    model = getattr(transformers, f"{kind}ForObjectDetection")(config)
    # Their first weights are so large that every box is a point, every score zero, and rounding decides.
    sharpen(model.box_head, 1 / 22)
    sharpen(model.class_head, 1 / 30)
    sharpen(model.owlvit if kind == "OwlViT" else model.owlv2, 1 / 3)
    processor = getattr(transformers, f"{kind}ImageProcessor")(size={"height": 96, "width": 96})
    return publish(folder, model, processor, tokenizer)


def _grounding_dino(folder: Path, kind: str) -> Path:
    import transformers

    swin = transformers.SwinConfig(
        image_size=64,
        window_size=4,
        embed_dim=16,
        depths=[1, 1, 1, 1],
        num_heads=[2, 2, 2, 2],
        out_features=["stage2", "stage3", "stage4"],
    )
    bert = transformers.BertConfig(**_SIDES, vocab_size=BERT_SIZE)
    config = getattr(transformers, f"{kind}Config")(
        backbone_config=swin,
        text_config=bert,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        num_queries=20,
    )
    torch.manual_seed(3)
    model = getattr(transformers, f"{kind}ForObjectDetection")(config)
    # Its first weights are sharp enough; what moves the boxes begins with zeros.
    sharpen(model, 1 / 3)
    with torch.no_grad():
        for head in (*model.bbox_embed, model.model.encoder_output_bbox_embed):
            head.layers[-1].weight.normal_(std=0.1)
            head.layers[-1].bias.normal_(std=0.1)
    processor = transformers.GroundingDinoImageProcessor(size={"shortest_edge": 96, "longest_edge": 160})
    return publish(folder, model, processor, bert_tokenizer())


PUBLISHED = {
    "owlvit": lambda folder: _owl(folder, "OwlViT"),
    "owlv2": lambda folder: _owl(folder, "Owlv2"),
    "grounding_dino": lambda folder: _grounding_dino(folder, "GroundingDino"),
    "mm_grounding_dino": lambda folder: _grounding_dino(folder, "MMGroundingDino"),
}
ENGINES = {name: ("torch", "onnxruntime", "openvino") if "owl" in name else ("torch",) for name in PUBLISHED}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    hub = tmp_path_factory.mktemp("hub")
    return {name: make(hub / name) for name, make in PUBLISHED.items()}


def _of_bytes(processor: Any, picture: np.ndarray) -> torch.Tensor:
    """What a processor makes of a picture, in whole grey levels: OWLv2's keeps fractions, ours does not."""
    pixels = processor(picture, return_tensors="pt")["pixel_values"]
    mean, std = (torch.tensor(value)[:, None, None] for value in (processor.image_mean, processor.image_std))
    return (((pixels * std + mean) * 255).round() / 255 - mean) / std


def _of_owl(folder: Path, picture: np.ndarray) -> dict[str, np.ndarray]:
    """Scores, labels and boxes of all cells, by transformers."""
    from transformers import AutoImageProcessor, AutoModelForZeroShotObjectDetection, AutoTokenizer

    processor = AutoImageProcessor.from_pretrained(folder)
    tokens = AutoTokenizer.from_pretrained(folder)(
        list(PROMPTS), padding="max_length", max_length=16, return_tensors="pt"
    )
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    with torch.no_grad():
        outputs = model(**tokens, pixel_values=_of_bytes(processor, picture))
    result = processor.post_process_object_detection(outputs, 0.0, [picture.shape[:2]])[0]
    return {name: value.numpy() for name, value in result.items()}


def _of_grounding_dino(folder: Path, picture: np.ndarray) -> dict[str, np.ndarray]:
    from transformers import (
        AutoImageProcessor,
        AutoModelForZeroShotObjectDetection,
        AutoTokenizer,
        GroundingDinoProcessor,
    )

    image_processor = AutoImageProcessor.from_pretrained(folder)
    processor = GroundingDinoProcessor(image_processor, AutoTokenizer.from_pretrained(folder))
    inputs = processor(images=picture, text=[list(PROMPTS)], return_tensors="pt")
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    with torch.no_grad():
        outputs = model(**inputs)
    result = processor.post_process_grounded_object_detection(
        outputs, threshold=0.0, text_threshold=0.0, target_sizes=[picture.shape[:2]]
    )[0]
    # The phrase with the best token: words of the prompts in turn, each prompt with a full stop behind it.
    words = [0, 0, 0, None, 1, None, 2, 2, None, 3]
    places = [place for place, prompt in enumerate(words) if prompt is not None]
    best = outputs.logits[0][:, [1 + place for place in places]].argmax(dim=1)
    labels = np.array([words[places[index]] for index in best])
    return {"scores": result["scores"].numpy(), "boxes": result["boxes"].numpy(), "labels": labels}


def _seen(answer: dict[str, np.ndarray], picture: np.ndarray) -> dict[str, np.ndarray]:
    """Clipped to the picture, what is left of each at least half a pixel."""
    height, width = picture.shape[:2]
    boxes = answer["boxes"].clip(0, [width, height, width, height])
    whole = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= 0.5
    order = np.argsort(-answer["scores"][whole], kind="stable")
    return {
        "boxes": boxes[whole][order],
        "scores": answer["scores"][whole][order],
        "labels": answer["labels"][whole][order],
    }


def _assert_same(found: Detection, expected: dict[str, np.ndarray]) -> None:
    """Pairs may have changed places where scores are alike, so each is looked for."""
    assert len(found.boxes) == len(expected["boxes"]) > 4
    free = np.ones(len(found.boxes), bool)
    for box, score, label in zip(expected["boxes"], expected["scores"], expected["labels"], strict=True):
        apart = np.abs(found.boxes - box).max(axis=1)
        alike = free & (apart < 0.5) & (np.abs(found.scores - score) < 1e-3) & (found.class_ids == label)
        assert alike.any(), (box, score, label, apart.min())
        free[np.flatnonzero(alike)[apart[alike].argmin()]] = False


@pytest.fixture(scope="module")
def expected(folders: dict[str, Path]) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    pictures = photographs()
    found: dict[str, Any] = {}
    for name, folder in folders.items():
        of = _of_owl if "owl" in name else _of_grounding_dino
        found[name] = {shape: _seen(of(folder, each), each) for shape, each in pictures.items()}
    return found


@pytest.mark.parametrize(
    ("name", "engine"), [(name, engine) for name, engines in ENGINES.items() for engine in engines]
)
def test_boxes_are_those_of_transformers(
    folders: dict[str, Path], expected: dict[str, Any], name: str, engine: str
) -> None:
    predictor = predictor_of(folders[name], engine, "cpu", precision="fp32", prompts=PROMPTS)
    pictures = photographs()
    for shape, picture in pictures.items():
        answer = expected[name][shape]
        assert len(set(answer["labels"])) > 1
        assert np.ptp(answer["scores"]) > 0.05
        found = predictor(picture, "rgb", Request(thresholds={"detection": 0.0}))
        _assert_same(found.detection, answer)
        if "owl" in name:
            assert np.ptp(found.attention.heatmap) > 0.1
    together = predictor.batch(list(pictures.values()), ["rgb"] * 3, Request(thresholds={"detection": 0.0}))
    for answer, shape in zip(together, pictures, strict=True):
        _assert_same(answer.detection, expected[name][shape])
    alike = predictor.batch([pictures["square"]] * 3, ["rgb"] * 3, Request(thresholds={"detection": 0.0}))
    for answer in alike:
        _assert_same(answer.detection, expected[name]["square"])


def test_grounding_dino_reads_no_text_for_a_frame(folders: dict[str, Path]) -> None:
    predictor = predictor_of(folders["grounding_dino"], "torch", "cpu", precision="fp32", prompts=PROMPTS)
    backbone = predictor.engine._model.model.model.text_backbone
    read = []
    backbone.embeddings.register_forward_hook(lambda *_: read.append(1))
    predictor(photographs()["square"], "rgb")
    assert not read


def test_a_full_stop_in_a_prompt_of_grounding_dino_is_refused(folders: dict[str, Path]) -> None:
    predictor = predictor_of(folders["grounding_dino"], "torch", "cpu", precision="fp32", prompts=PROMPTS)
    with pytest.raises(ValueError, match="full stop"):
        predictor.set_prompts(["a cat. a dog"])
    with pytest.raises(ValueError, match="of which the model reads 256"):
        predictor.set_prompts([f"person {'cat ' * 5}{number}" for number in range(60)])
