"""The multi-scale ViT of timm gives its source's own maps."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")
timm = pytest.importorskip("timm", reason="the reference implementation, a test dependency")

import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from checkpoints.reference import largest_difference, picture, randomise
from vit_perception.backbones.registry import VARIANTS, make_backbone
from vit_perception.checkpoints.load import load_backbone

EXACT = 1e-5
NATIVE = 128


def reference() -> nn.Module:
    from timm.models.mvitv2 import MultiScaleVit, MultiScaleVitCfg

    config = MultiScaleVitCfg(depths=(1, 2, 2, 1), embed_dim=16, num_heads=1)
    model: nn.Module = randomise(MultiScaleVit(config, img_size=(NATIVE, NATIVE), num_classes=5))
    return model


def resample_tables(model: nn.Module, size: tuple[int, int]) -> None:
    """As the paper's own code does off the native size, where timm reads the tables out of place."""
    for axis, pixels in zip(("h", "w"), size, strict=True):
        for stage in model.stages:
            for block in stage.blocks:
                table = getattr(block.attn, f"rel_pos_{axis}")
                length = 2 * ((table.shape[0] + 1) // 2 * pixels // NATIVE) - 1
                resampled = F.interpolate(table.detach().T[None], size=length, mode="linear")[0].T
                setattr(block.attn, f"rel_pos_{axis}", nn.Parameter(resampled))


@pytest.mark.parametrize("size", [(128, 128), (96, 160), (256, 64)], ids=str)
def test_timm(size: tuple[int, int], tmp_path: Path) -> None:
    model = reference()
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    if size != (NATIVE, NATIVE):
        resample_tables(model, size)
    image = picture(2, 3, *size)
    backbone = load_backbone(tmp_path).backbone
    with torch.no_grad():
        expected = model.forward_intermediates(image, norm=True, intermediates_only=True)
        found = backbone(image, layers=range(4))
    for stage, theirs in enumerate(expected):
        assert largest_difference(found.maps[stage], theirs) < EXACT, f"stage {stage}"


@pytest.mark.parametrize("name", [name for name in VARIANTS if name.startswith("mvit")])
def test_every_size_has_timms_tensors(name: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(name)
        backbone = make_backbone(VARIANTS[name])
    theirs = {key: tensor.shape for key, tensor in model.state_dict().items() if not key.startswith("head.")}
    assert {key: tensor.shape for key, tensor in backbone.state_dict().items()} == theirs
