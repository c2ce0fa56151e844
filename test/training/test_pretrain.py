"""Pre-training on a folder of pictures: it learns, goes on where it stopped, and gives a backbone."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

import cv2

from vit_perception.backbones.vit import ViTConfig
from vit_perception.checkpoints.load import load_backbone
from vit_perception.training.pretrain import Pretraining, batches, crop, pretrain
from vit_perception.viz.pictures import find_pictures

CONFIG = ViTConfig(patch_size=8, embed_dim=64, depth=2, num_heads=1, pos_grid=(4, 4))
PLAN = Pretraining(steps=6, batch_size=2, size=32)


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for index in range(3):
        coarse = rng.integers(0, 255, (4, 6, 3), dtype=np.uint8)
        (tmp_path / "pictures" / "deep").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "pictures" / "deep" / f"{index}.png"), cv2.resize(coarse, (90, 60)))
    (tmp_path / "pictures" / "broken.jpg").write_bytes(b"no picture")
    return find_pictures(tmp_path / "pictures")


def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(pictures, tmp_path, capsys):
    whole = pretrain(pictures, tmp_path / "whole", CONFIG, PLAN, every=3)
    half = tmp_path / "half"

    original = batches

    def interrupted(*arguments):
        for step, batch in enumerate(original(*arguments)):
            if step == 4:
                raise KeyboardInterrupt
            yield batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vit_perception.training.pretrain.batches", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pretrain(pictures, half, CONFIG, PLAN, every=3)
    assert not (half / "encoder.safetensors").exists()
    resumed = pretrain(pictures, half, CONFIG, PLAN, every=3, resume=half / "last.pt")
    first, second = (load_backbone(file) for file in (whole, resumed))
    assert first.format == "timm vit"
    for (name, one), other in zip(
        first.backbone.named_parameters(), second.backbone.parameters(), strict=True
    ):
        assert torch.allclose(one, other, atol=1e-6), name
    assert first.backbone.config.embed_dim == 64
    assert "step 6" in capsys.readouterr().out


def test_every_step_has_its_own_crops_and_a_resumed_run_the_same(pictures):
    from_start = batches(pictures, PLAN, 0)
    second = [next(from_start), next(from_start)][1]
    assert torch.equal(next(batches(pictures, PLAN, 1)), second)
    assert second.shape == (2, 3, 32, 32)


def test_a_crop_lies_in_the_picture():
    rng = np.random.default_rng(0)
    for shape in ((5, 40, 3), (1, 1, 3), (64, 64, 3)):
        assert crop(np.full(shape, 7, np.uint8), 16, rng).shape == (16, 16, 3)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no picture"):
        find_pictures(tmp_path)


def test_pictures_that_cannot_be_read_are_reported(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="OpenCV reads hardly any"):
        next(batches(find_pictures(tmp_path), PLAN, 0))
