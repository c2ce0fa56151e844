"""Models that give a class for every pixel answer as transformers' own processors do, with every engine."""

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
from hub.publish import photographs, sharpen
from hub.segmenters import spread
from vit_perception.hub.obtain import obtain_model

# More than are all interpolated, see runtime/decode/segmentation.py.
LABELS = {number: f"stuff {number}" for number in range(30)}
# Where cells lie so far apart that a class which is fifth in all of them could be the best between.
FEW_LABELS = {number: LABELS[number] for number in range(20)}
SIZE = {"height": 64, "width": 64}
VIT = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 32}
ATTENTIVE = ("beit", "data2vec", "dpt")
# OpenVINO compiles for every shape; that it agrees is also seen when a model is adopted.
EVERYWHERE = ("segformer", "beit")


def _segformer() -> tuple[Any, Any]:
    config = transformers.SegformerConfig(
        hidden_sizes=[8, 16, 16, 32],
        depths=[1] * 4,
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=32,
        id2label=LABELS,
    )
    model = transformers.SegformerForSemanticSegmentation(config)
    return model, transformers.SegformerImageProcessor(size=SIZE)


def _upernet() -> tuple[Any, Any]:
    # Last maps of 3 x 3, which no window of the pyramid but one divides.
    backbone = transformers.SwinConfig(
        embed_dim=8,
        depths=[1] * 4,
        num_heads=[1, 1, 2, 2],
        window_size=4,
        image_size=96,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = transformers.UperNetConfig(
        backbone_config=backbone, hidden_size=16, auxiliary_in_channels=32, id2label=LABELS
    )
    size = {"height": 96, "width": 96}
    return transformers.UperNetForSemanticSegmentation(config), transformers.SegformerImageProcessor(
        size=size
    )


def _beit(family: str = "Beit") -> tuple[Any, Any]:
    config = getattr(transformers, f"{family}Config")(
        **VIT,
        image_size=64,
        patch_size=16,
        out_indices=[1, 2, 3, 4],
        use_relative_position_bias=True,
        use_mean_pooling=True,
        id2label=LABELS,
    )
    model = getattr(transformers, f"{family}ForSemanticSegmentation")(config)
    return model, transformers.BeitImageProcessor(size=SIZE, do_center_crop=False)


def _data2vec() -> tuple[Any, Any]:
    return _beit("Data2VecVision")


def _dpt() -> tuple[Any, Any]:
    config = transformers.DPTConfig(
        **VIT,
        image_size=64,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        id2label=LABELS,
    )
    return transformers.DPTForSemanticSegmentation(config), transformers.DPTImageProcessor(size=SIZE)


def _mobilevit() -> tuple[Any, Any]:
    config = transformers.MobileViTConfig(
        hidden_sizes=[16, 16, 16],
        neck_hidden_sizes=[8, 8, 8, 8, 8, 8, 16],
        num_attention_heads=2,
        aspp_out_channels=16,
        image_size=64,
        id2label=FEW_LABELS,
    )
    processor = transformers.MobileViTImageProcessor(size={"shortest_edge": 80}, crop_size=SIZE)
    return transformers.MobileViTForSemanticSegmentation(config), processor


FAMILIES = {
    "segformer": _segformer,
    "upernet": _upernet,
    "beit": _beit,
    "data2vec": _data2vec,
    "dpt": _dpt,
    "mobilevit": _mobilevit,
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a model, made when it is first asked for."""
    folders: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            torch.manual_seed(0)
            model, processor = FAMILIES[name]()
            sharpen(model, 5.0)
            inputs = processor(images=list(photographs().values()), return_tensors="pt")
            _normalise(model, inputs["pixel_values"])
            last = [
                part
                for path, part in model.named_modules()
                if getattr(part, "out_channels", 0) == model.config.num_labels
                and hasattr(part, "weight")
                and "auxiliary" not in path
            ]
            spread(last[-1], 1, 2.0, lambda: model(pixel_values=inputs["pixel_values"]))
            folders[name] = tmp_path_factory.mktemp("hub") / name
            model.save_pretrained(folders[name])
            processor.save_pretrained(folders[name])
        return folders[name]

    return folder


def _normalise(model: Any, images: Any) -> None:
    """Statistics of batch normalisation as after training."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()(pixel_values=images)
        model.eval()


def _seen(folder: Path, source: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of a photograph that its processor does not cut off."""
    if folder.name != "mobilevit":
        return slice(0, source[0]), slice(0, source[1])
    seen = []
    for side in source:
        new = int(80 * side / min(source))
        start = round((new - 64) // 2 * side / new)
        seen.append(slice(start, start + round(64 * side / new)))
    return seen[0], seen[1]


def _of_library(folder: Path) -> dict[str, np.ndarray]:
    """Classes of the pixels that it looks at, by photograph."""
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = transformers.AutoModelForSemanticSegmentation.from_pretrained(folder).eval()
    found = {}
    for name, picture in photographs().items():
        rows, columns = _seen(folder, picture.shape[:2])
        size = rows.stop - rows.start, columns.stop - columns.start
        with torch.no_grad():
            outputs = model(pixel_values=processor(images=picture, return_tensors="pt")["pixel_values"])
        found[name] = processor.post_process_semantic_segmentation(outputs, target_sizes=[size])[0].numpy()
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_classes_are_those_of_the_library(name: str, published: Callable[[str], Path]) -> None:
    folder = published(name)
    pictures = photographs()
    expected = _of_library(folder)
    for classes in expected.values():
        assert len(np.unique(classes)) > 3
    for engine in ("torch", "onnxruntime", *(("openvino",) if name in EVERYWHERE else ())):
        predictor = predictor_of(folder, engine=engine, device="cpu", precision="fp32")
        card = predictor.card
        assert card.batched
        assert card.labels == tuple((FEW_LABELS if name == "mobilevit" else LABELS).values())
        assert ("attention" in card.tasks) == (name in ATTENTIVE)
        together = predictor.batch(list(pictures.values()), ["rgb"] * len(pictures))
        for (shape, picture), batched in zip(pictures.items(), together, strict=True):
            for found in (predictor(picture, "rgb"), batched):
                segmentation = found.segmentation
                assert segmentation is not None
                assert found.detection is None
                rows, columns = _seen(folder, picture.shape[:2])
                # To half a pixel where what is cut off ends between two.
                most = 0.03 if name == "mobilevit" and shape != "square" else 1e-3
                assert (segmentation.mask[rows, columns] != expected[shape]).mean() <= most
                hidden = np.ones(picture.shape[:2], bool)
                hidden[
                    max(0, rows.start - 1) : rows.stop + 1, max(0, columns.start - 1) : columns.stop + 1
                ] = 0
                assert (segmentation.mask[hidden] == 255).all()
                assert np.ptp(segmentation.confidence) > 10
                if found.attention is not None:
                    assert np.ptp(found.attention.heatmap) > 0.02


def test_too_many_labels_for_a_mask_are_refused(tmp_path: Path) -> None:
    config = transformers.SegformerConfig(
        hidden_sizes=[8] * 4,
        depths=[1] * 4,
        num_attention_heads=[1] * 4,
        decoder_hidden_size=8,
        num_labels=300,
    )
    transformers.SegformerForSemanticSegmentation(config).save_pretrained(tmp_path)
    transformers.SegformerImageProcessor(size=SIZE).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="300 labels do not fit a mono8 mask"):
        obtain_model(tmp_path)
