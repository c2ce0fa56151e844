"""MobileViT and MobileViT V2 from every source give the source's own maps, off their native size too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")
timm = pytest.importorskip("timm", reason="the reference implementation, a test dependency")
transformers = pytest.importorskip("transformers", reason="the reference implementation, a test dependency")

from safetensors.torch import save_file
from torch import Tensor, nn

from checkpoints.reference import largest_difference, picture, randomise
from vit_perception.backbones.registry import VARIANTS, make_backbone
from vit_perception.checkpoints.load import load_backbone

EXACT = 1e-5
# Native; not square; maps that are no whole patches, so that they are resized.
SIZES = [(256, 256), (96, 160), (104, 136), (131, 157)]


def ours(source: Path, image: Tensor) -> tuple[list[Tensor], Tensor]:
    """The four maps, and the tokens as a map."""
    backbone = load_backbone(source).backbone
    with torch.no_grad():
        features = backbone(image, layers=range(4))
    return [features.maps[i] for i in range(4)], features.patch_tokens.transpose(1, 2).unflatten(
        -1, features.grid
    )


def assert_same(found: tuple[list[Tensor], Tensor], maps: list[Tensor], last: Tensor) -> None:
    for stage, (mine, theirs) in enumerate(zip(found[0], maps, strict=True)):
        assert largest_difference(mine, theirs) < EXACT * max(1.0, float(theirs.abs().max())), (
            f"stage {stage}"
        )
    assert largest_difference(found[1], last) < EXACT * max(1.0, float(last.abs().max()))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", ["mobilevit_xxs", "mobilevit_xs", "mobilevitv2_050"])
def test_timm(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    reference = randomise(timm.create_model(name))
    save_file(reference.state_dict(), tmp_path / "model.safetensors")
    image = picture(2, 3, *size)
    with torch.no_grad():
        # The last of the intermediates is what its last convolution gives.
        maps = reference.forward_intermediates(image, intermediates_only=True)
        last = reference.forward_features(image)
        seen: list[Tensor] = []
        hook = reference.stages[4].register_forward_hook(lambda *a: seen.append(a[2]))
        reference(image)
        hook.remove()
    assert_same(ours(tmp_path, image), [*maps[1:4], seen[0]], last)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name.startswith("mobilevit")])
def test_every_size_has_timms_tensors(name: str) -> None:
    with torch.device("meta"):
        reference = timm.create_model(name)
        backbone = make_backbone(VARIANTS[name])
    theirs = {
        key: tensor.shape for key, tensor in reference.state_dict().items() if not key.startswith("head.")
    }
    assert {key: tensor.shape for key, tensor in backbone.state_dict().items()} == theirs


def hugging_face(version: int, task: str) -> nn.Module:
    torch.manual_seed(0)
    kind = {
        (1, "bare"): transformers.MobileViTModel,
        (1, "classification"): transformers.MobileViTForImageClassification,
        (2, "bare"): transformers.MobileViTV2Model,
        (2, "classification"): transformers.MobileViTV2ForImageClassification,
    }[version, task]
    config: Any
    if version == 1:
        config = transformers.MobileViTConfig(
            hidden_sizes=[48, 60, 72],
            neck_hidden_sizes=[16, 16, 24, 32, 48, 64, 160],
            expand_ratio=2.0,
            num_attention_heads=3,
        )
    else:
        config = transformers.MobileViTV2Config(width_multiplier=0.5)
    return randomise(kind(config))


# Hugging Face's V2 drops what is no whole patch from odd maps: even sizes for it, as every robot's.
@pytest.mark.parametrize(
    ("version", "size"),
    [(1, size) for size in SIZES] + [(2, (256, 256)), (2, (192, 320))],
    ids=str,
)
@pytest.mark.parametrize("vocabulary", ["on disk", "of the modules"])
@pytest.mark.parametrize("task", ["bare", "classification"])
def test_hugging_face(
    version: int, task: str, vocabulary: str, size: tuple[int, int], tmp_path: Path
) -> None:
    reference = hugging_face(version, task)
    reference.save_pretrained(tmp_path)
    if vocabulary == "of the modules":
        (tmp_path / "model.safetensors").unlink()
        torch.save(reference.state_dict(), tmp_path / "pytorch_model.bin")
    image = picture(2, 3, *size)
    body = getattr(reference, reference.base_model_prefix, reference)
    with torch.no_grad():
        output = body(image, output_hidden_states=True)
        last = output.last_hidden_state
    assert_same(ours(tmp_path, image), list(output.hidden_states)[1:], last)


def test_tensors_left_over_are_named(tmp_path: Path) -> None:
    reference = timm.create_model("mobilevit_xxs")
    state = reference.state_dict() | {"stages.2.1.conv_extra.weight": torch.zeros(1)}
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"stages\.2\.1\.conv_extra\.weight"):
        load_backbone(tmp_path)
