"""Swin and Swin V2 from every source give the source's own maps, off their native size too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")
timm = pytest.importorskip("timm", reason="the reference implementation, a test dependency")
torchvision = pytest.importorskip("torchvision", reason="the reference implementation, a test dependency")
transformers = pytest.importorskip("transformers", reason="the reference implementation, a test dependency")

from safetensors.torch import save_file
from torch import Tensor, nn

from checkpoints.reference import largest_difference, picture, randomise
from vit_perception.checkpoints.load import load_backbone

EXACT = 1e-5
DEPTHS, HEADS, WINDOW = (2, 2, 2, 2), (1, 2, 4, 8), 3
# Native; not square and not whole windows; one side of the last stages within a window; odd.
SIZES = [(96, 96), (112, 176), (80, 224), (131, 157)]


def ours(source: Path, image: Tensor, **overrides: Any) -> list[Tensor]:
    backbone = load_backbone(source, overrides=overrides).backbone
    with torch.no_grad():
        features = backbone(image, layers=range(4))
    last = features.maps[3]
    assert largest_difference(features.patch_tokens, last.flatten(2).transpose(1, 2)) == 0
    assert [info.stride for info in backbone.feature_info] == [4, 8, 16, 32]
    return [features.maps[index] for index in range(4)]


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    for stage, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        assert largest_difference(mine, theirs) < EXACT, f"stage {stage}"


def timm_swin(version: int, size: tuple[int, int]) -> nn.Module:
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.swin_transformer_v2 import SwinTransformerV2

    shape = {"embed_dim": 32, "depths": DEPTHS, "num_heads": HEADS, "window_size": WINDOW, "num_classes": 5}
    model = {1: SwinTransformer, 2: SwinTransformerV2}[version]
    return randomise(model(img_size=size, **shape))


# timm shrinks its windows and their tables where a stage is smaller: sizes at which none is.
@pytest.mark.parametrize("size", [(96, 96), (112, 176), (96, 224), (160, 128)], ids=str)
@pytest.mark.parametrize("version", [1, 2])
def test_timm(version: int, size: tuple[int, int], tmp_path: Path) -> None:
    reference = timm_swin(version, size)
    save_file(reference.state_dict(), tmp_path / "model.safetensors")
    overrides = {"window_size": WINDOW} if version == 2 else {}
    image = picture(2, 3, *size)
    with torch.no_grad():
        expected = reference.forward_intermediates(image, norm=True, intermediates_only=True)
    assert_same(ours(tmp_path, image, **overrides), expected)


def test_timm_before_it_moved_the_merging(tmp_path: Path) -> None:
    """Files of the paper's own code: merging at the end of a stage, masks and indices among the tensors."""
    reference = timm_swin(1, (96, 96))
    state = {}
    for name, tensor in reference.state_dict().items():
        parts = name.split(".")
        if "downsample" in parts:
            parts[1] = str(int(parts[1]) - 1)
        state[".".join(parts)] = tensor
    state["layers.0.blocks.1.attn_mask"] = torch.zeros(64, 9, 9)
    state["layers.0.blocks.1.attn.relative_position_index"] = torch.zeros(9, 9, dtype=torch.long)
    torch.save({"model": state}, tmp_path / "swin.pth")
    image = picture(1, 3, 96, 96)
    with torch.no_grad():
        expected = reference.forward_intermediates(image, norm=True, intermediates_only=True)
    assert_same(ours(tmp_path / "swin.pth", image), expected)


def torchvision_swin(version: int) -> nn.Module:
    from torchvision.models import swin_transformer as tv

    other: dict[str, Any] = {}
    if version == 2:
        other = {"block": tv.SwinTransformerBlockV2, "downsample_layer": tv.PatchMergingV2}
    return randomise(
        tv.SwinTransformer([4, 4], 32, list(DEPTHS), list(HEADS), [WINDOW, WINDOW], num_classes=5, **other)
    )


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("version", [1, 2])
def test_torchvision(version: int, size: tuple[int, int], tmp_path: Path) -> None:
    reference = torchvision_swin(version)
    torch.save(reference.state_dict(), tmp_path / "swin.pth")
    overrides = {"window_size": WINDOW} if version == 2 else {}
    image = picture(2, 3, *size)
    expected = []
    with torch.no_grad():
        x = image
        for index, part in enumerate(reference.features):
            x = part(x)
            if index % 2:
                expected.append((reference.norm(x) if index == 7 else x).permute(0, 3, 1, 2))
    assert_same(ours(tmp_path / "swin.pth", image, **overrides), expected)


def hugging_face_swin(version: int, classifier: bool) -> nn.Module:
    torch.manual_seed(0)
    shape = {
        "image_size": 96,
        "embed_dim": 32,
        "depths": list(DEPTHS),
        "num_heads": list(HEADS),
        "window_size": WINDOW,
    }
    config = {1: transformers.SwinConfig, 2: transformers.Swinv2Config}[version](**shape)
    kind = {
        (1, False): transformers.SwinModel,
        (1, True): transformers.SwinForImageClassification,
        (2, False): transformers.Swinv2Model,
        (2, True): transformers.Swinv2ForImageClassification,
    }[version, classifier]
    return randomise(kind(config))


def hugging_face_maps(model: nn.Module, image: Tensor) -> list[Tensor]:
    """Outputs of the stages before merging, the last one after the final norm."""
    body = getattr(model, model.base_model_prefix, model)
    seen: list[Tensor] = []
    hooks = [
        stage.blocks[-1].register_forward_hook(lambda _, __, output: seen.append(output[0]))
        for stage in body.encoder.layers
    ]
    last = body(image).last_hidden_state
    for hook in hooks:
        hook.remove()
    seen[-1] = last
    height, width = -(-image.shape[-2] // 4), -(-image.shape[-1] // 4)
    maps = []
    for tokens in seen:
        maps.append(tokens.transpose(1, 2).reshape(len(image), -1, height, width))
        height, width = -(-height // 2), -(-width // 2)
    return maps


# transformers 5 cannot run Swin where a side of a stage is under a window: (80, 224) is left out for it.
@pytest.mark.parametrize("size", [(96, 96), (112, 176), (131, 157)], ids=str)
@pytest.mark.parametrize("vocabulary", ["on disk", "of the modules"])
@pytest.mark.parametrize("classifier", [False, True])
@pytest.mark.parametrize("version", [1, 2])
def test_hugging_face(
    version: int, classifier: bool, vocabulary: str, size: tuple[int, int], tmp_path: Path
) -> None:
    reference = hugging_face_swin(version, classifier)
    reference.save_pretrained(tmp_path)
    if vocabulary == "of the modules":
        (tmp_path / "model.safetensors").unlink()
        torch.save(reference.state_dict(), tmp_path / "pytorch_model.bin")
    image = picture(2, 3, *size)
    with torch.no_grad():
        expected = hugging_face_maps(reference, image)
    assert_same(ours(tmp_path, image), expected)


def test_the_sources_differ_where_windows_do_not_fit(tmp_path: Path) -> None:
    """timm rolls before it pads: the same weights, another answer, documented in docs/checkpoints.md."""
    reference = torchvision_swin(1)
    torch.save(reference.state_dict(), tmp_path / "swin.pth")
    image = picture(1, 3, 112, 176)
    padded_first = ours(tmp_path / "swin.pth", image)
    rolled_first = ours(tmp_path / "swin.pth", image, pad_before_shift=False)
    assert largest_difference(padded_first[0], rolled_first[0]) > 1e-3
    native = picture(1, 3, 96, 96)
    whole = [ours(tmp_path / "swin.pth", native, pad_before_shift=first)[0] for first in (True, False)]
    assert largest_difference(*whole) == 0


def test_the_bias_of_another_window_is_refused(tmp_path: Path) -> None:
    reference = timm_swin(1, (96, 96))
    save_file(reference.state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"relative_position_bias_table' of shape \(25, 1\), not \(81, 1\)"):
        load_backbone(tmp_path, overrides={"window_size": 5})
