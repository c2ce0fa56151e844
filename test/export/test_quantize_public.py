"""`vit-perception quantize` on a public model: int8 around the same weights, and how alike answers are."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
import yaml

pytest.importorskip("torch", reason="adopting a model needs torch")
pytest.importorskip("transformers", reason="adopting a model needs transformers")
pytest.importorskip("nncf", reason="nncf quantises")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

from hub.publish import photographs
from hub.small_models import publish_yolos
from vit_perception import cli
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request


def test_a_detector_of_another_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("VIT_PERCEPTION_CACHE", str(tmp_path / "cache"))
    (tmp_path / "pictures").mkdir()
    for name, picture in photographs().items():
        cv2.imwrite(str(tmp_path / "pictures" / f"{name}.png"), picture)
    published, folder = publish_yolos(tmp_path / "yolos"), tmp_path / "int8"
    arguments = ["quantize", str(published), "--data", str(tmp_path / "pictures"), "--output", str(folder)]
    assert cli.main(arguments) == 0
    card = yaml.safe_load((folder / "model.yaml").read_text())
    assert card["metrics"]["int8"]["frames"] == 1  # of 3: the others made the ranges
    predictor = Predictor(folder, "openvino", "cpu", precision="int8")
    assert (
        predictor(photographs()["landscape"], "rgb", Request(thresholds={"detection": 0.0})).detection
        is not None
    )
    # The weights are stored once: what int8 adds holds none of them.
    weights = (folder / "model.safetensors").stat().st_size
    assert (folder / "model_int8.bin").stat().st_size < 0.1 * weights
