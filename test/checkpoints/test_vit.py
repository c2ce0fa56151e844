"""Plain ViTs from every source give the source's own tokens."""

from __future__ import annotations

from collections.abc import Callable
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
from vit_perception.backbones.features import TokenFeatures
from vit_perception.checkpoints.load import load_backbone

EXACT = 1e-5
NATIVE, WIDE, TALL = (56, 56), (42, 98), (84, 28)  # of patch 14; the others scale them


def all_tokens(features: TokenFeatures) -> Tensor:
    return torch.cat([features.prefix_tokens, features.patch_tokens], dim=1)


def scaled(size: tuple[int, int], patch: int) -> tuple[int, int]:
    return (size[0] // 14 * patch, size[1] // 14 * patch)


def timm_vit(**settings: Any) -> nn.Module:
    from timm.models.vision_transformer import VisionTransformer

    standard = {"embed_dim": 128, "depth": 3, "num_heads": 2, "num_classes": 5, "dynamic_img_size": True}
    return randomise(VisionTransformer(**standard | settings))


def timm_deit() -> nn.Module:
    from timm.models.deit import VisionTransformerDistilled

    shape = {"img_size": 64, "patch_size": 16, "embed_dim": 128, "depth": 3, "num_heads": 2}
    return randomise(VisionTransformerDistilled(**shape, num_classes=5, dynamic_img_size=True))


TIMM: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "vit": (lambda: timm_vit(img_size=64, patch_size=16), 16),
    "vit without qkv bias": (lambda: timm_vit(img_size=64, patch_size=16, qkv_bias=False), 16),
    "deit distilled": (timm_deit, 16),
    "dinov2": (lambda: timm_vit(img_size=56, patch_size=14, init_values=1e-5, num_classes=0), 14),
    "dinov2 with registers": (
        lambda: timm_vit(
            img_size=56, patch_size=14, init_values=1e-5, num_classes=0, reg_tokens=4, no_embed_class=True
        ),
        14,
    ),
}


@pytest.mark.parametrize("size", [NATIVE, WIDE, TALL], ids=str)
@pytest.mark.parametrize("name", TIMM)
def test_timm(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    make, patch = TIMM[name]
    reference = make()
    file = tmp_path / "model.safetensors"
    save_file(reference.state_dict(), file)
    loaded = load_backbone(file)
    image = picture(2, 3, *scaled(size, patch))
    with torch.no_grad():
        expected, found = reference.forward_features(image), all_tokens(loaded.backbone(image))
    assert largest_difference(found, expected) < EXACT
    assert loaded.format == "timm vit"
    assert set(loaded.dropped) == {key for key in reference.state_dict() if key.startswith("head")}


def test_every_block_of_timm_is_ours(tmp_path: Path) -> None:
    reference = timm_vit(img_size=64, patch_size=16)
    save_file(reference.state_dict(), tmp_path / "model.safetensors")
    image = picture(2, 3, 48, 80)
    with torch.no_grad():
        expected = reference.forward_intermediates(image, norm=True, intermediates_only=True)
        found = load_backbone(tmp_path).backbone(image, layers=range(3)).maps
    for index, feature in enumerate(expected):
        assert largest_difference(found[index], feature) < EXACT


def torchvision_tokens(model: nn.Module, image: Tensor) -> Tensor:
    """What torchvision's ViT computes before its head reads the class token."""
    patches = model._process_input(image)
    cls_token = model.class_token.expand(image.shape[0], -1, -1)
    tokens: Tensor = model.encoder(torch.cat([cls_token, patches], dim=1))
    return tokens


@pytest.mark.parametrize("size", [NATIVE, WIDE, TALL], ids=str)
def test_torchvision(size: tuple[int, int], tmp_path: Path) -> None:
    from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings

    def make(side: int) -> nn.Module:
        return VisionTransformer(side, 16, 3, 2, 128, 256, num_classes=5)

    reference = randomise(make(64))
    torch.save(reference.state_dict(), tmp_path / "vit.pth")
    backbone = load_backbone(tmp_path / "vit.pth").backbone
    height, width = scaled(size, 16)
    if height == width:
        image = picture(2, 3, height, width)
        with torch.no_grad():
            expected = torchvision_tokens(reference, image)
            assert largest_difference(all_tokens(backbone(image)), expected) < EXACT
        return
    # torchvision has square images only: resize to both sides in turn, and to each of them we agree.
    for side in (height, width):
        state = interpolate_embeddings(side, 16, dict(reference.state_dict()))
        resized = make(side).eval()
        resized.load_state_dict(state)
        image = picture(2, 3, side, side)
        with torch.no_grad():
            expected = torchvision_tokens(resized, image)
            assert largest_difference(all_tokens(backbone(image)), expected) < EXACT


SMALL = {
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,  # config.json says so: not the 64 channels a head of the published sizes
    "image_size": 56,
    "patch_size": 14,
}


def hugging_face(name: str) -> nn.Module:
    t = transformers
    torch.manual_seed(0)
    model = {
        "vit": lambda: t.ViTModel(t.ViTConfig(intermediate_size=256, **SMALL)),
        "vit classifier": lambda: t.ViTForImageClassification(
            t.ViTConfig(intermediate_size=256, layer_norm_eps=1e-3, **SMALL)
        ),
        "deit": lambda: t.DeiTForImageClassificationWithTeacher(t.DeiTConfig(intermediate_size=256, **SMALL)),
        "dinov2": lambda: t.Dinov2Model(t.Dinov2Config(**SMALL)),
        "dinov2 classifier": lambda: t.Dinov2ForImageClassification(t.Dinov2Config(**SMALL)),
        "dinov2 with registers": lambda: t.Dinov2WithRegistersModel(t.Dinov2WithRegistersConfig(**SMALL)),
        "mae": lambda: t.ViTMAEForPreTraining(
            t.ViTMAEConfig(
                intermediate_size=256,
                mask_ratio=0.0,
                decoder_num_hidden_layers=1,
                decoder_hidden_size=32,
                decoder_num_attention_heads=2,
                decoder_intermediate_size=32,
                **SMALL,
            )
        ),
    }[name]()
    return randomise(model)


def hugging_face_tokens(model: nn.Module, image: Tensor) -> Tensor:
    body = getattr(model, model.base_model_prefix, model)
    settings = {} if "Dinov2" in type(model).__name__ else {"interpolate_pos_encoding": True}
    if "MAE" in type(model).__name__:
        # Without masking it only shuffles the patches: an increasing noise leaves them in order.
        count = (image.shape[-2] // 14) * (image.shape[-1] // 14)
        settings["noise"] = torch.arange(count).float().expand(image.shape[0], -1)
    tokens: Tensor = body(image, **settings).last_hidden_state
    return tokens


HUGGING_FACE = (
    "vit",
    "vit classifier",
    "deit",
    "dinov2",
    "dinov2 classifier",
    "dinov2 with registers",
    "mae",
)


@pytest.mark.parametrize("vocabulary", ["on disk", "of the modules"])
@pytest.mark.parametrize("size", [NATIVE, WIDE, TALL], ids=str)
@pytest.mark.parametrize("name", HUGGING_FACE)
def test_hugging_face(name: str, size: tuple[int, int], vocabulary: str, tmp_path: Path) -> None:
    reference = hugging_face(name)
    reference.save_pretrained(tmp_path)
    if vocabulary == "of the modules":
        (tmp_path / "model.safetensors").unlink()
        torch.save(reference.state_dict(), tmp_path / "pytorch_model.bin")
    loaded = load_backbone(tmp_path)
    image = picture(2, 3, *size)
    with torch.no_grad():
        expected, found = hugging_face_tokens(reference, image), all_tokens(loaded.backbone(image))
    assert largest_difference(found, expected) < EXACT
    assert loaded.format == "hugging_face vit"


def fair_dinov2(registers: int) -> tuple[nn.Module, dict[str, Tensor]]:
    """timm's DINOv2, and the same weights as FAIR's own file names them."""
    reference = timm_vit(
        img_size=56,
        patch_size=14,
        init_values=1e-5,
        num_classes=0,
        reg_tokens=registers,
        no_embed_class=False,
    )
    state = dict(reference.state_dict()) | {"mask_token": torch.zeros(1, 128)}
    if registers:
        state["register_tokens"] = state.pop("reg_token")
        # FAIR's registers have no position; timm's this way of reading them would have one.
        state["pos_embed"] = torch.cat(
            [state["pos_embed"][:, :1], state["pos_embed"][:, 1 + registers :]], dim=1
        )
        with torch.no_grad():
            reference.pos_embed[:, 1 : 1 + registers] = 0
    return reference, state


@pytest.mark.parametrize("registers", [0, 4])
def test_fair_dinov2_at_its_native_size(registers: int, tmp_path: Path) -> None:
    reference, state = fair_dinov2(registers)
    torch.save(state, tmp_path / "dinov2.pth")
    loaded = load_backbone(tmp_path / "dinov2.pth")
    image = picture(2, 3, *NATIVE)
    with torch.no_grad():
        expected = reference.forward_features(image)
        assert largest_difference(all_tokens(loaded.backbone(image)), expected) < EXACT
    assert loaded.format == "fair vit"
    assert loaded.dropped == ("mask_token",)


def test_fair_dinov2_off_its_native_size_resamples_by_a_factor_with_an_offset(tmp_path: Path) -> None:
    """FAIR's `interpolate_pos_encoding`: factor (target + 0.1) / source, where timm and Hugging Face
    resize to the target itself. The difference is real, and documented in docs/checkpoints.md."""
    reference, state = fair_dinov2(0)
    torch.save(state, tmp_path / "dinov2.pth")
    backbone = load_backbone(tmp_path / "dinov2.pth").backbone
    image = picture(2, 3, 42, 98)
    positions = state["pos_embed"][:, 1:].reshape(1, 4, 4, 128).permute(0, 3, 1, 2)
    resized = nn.functional.interpolate(
        positions, scale_factor=((3 + 0.1) / 4, (7 + 0.1) / 4), mode="bicubic", antialias=False
    )
    positions = torch.cat([state["pos_embed"][:, :1], resized.flatten(2).transpose(1, 2)], dim=1)
    with torch.no_grad():
        x = torch.cat([reference.cls_token.expand(2, -1, -1), backbone.patch_embed(image)], dim=1)
        expected = reference.norm(reference.blocks(x + positions))
        found = all_tokens(backbone(image))
        assert largest_difference(found, expected) < EXACT
        assert largest_difference(found, reference.forward_features(image)) > 1e-3


def test_fair_mae_loads_its_encoder_and_leaves_the_decoder(tmp_path: Path) -> None:
    reference = timm_vit(img_size=64, patch_size=16, num_classes=0)
    state = dict(reference.state_dict())
    decoder = ("mask_token", "decoder_pos_embed", "decoder_embed.weight", "decoder_blocks.0.attn.qkv.weight")
    torch.save({"model": state | {name: torch.zeros(1) for name in decoder}}, tmp_path / "mae.pth")
    loaded = load_backbone(tmp_path / "mae.pth")
    image = picture(2, 3, 64, 64)
    with torch.no_grad():
        expected = reference.forward_features(image)
        assert largest_difference(all_tokens(loaded.backbone(image)), expected) < EXACT
    assert set(loaded.dropped) == set(decoder)


def test_a_thermal_camera_gets_adapted_weights(tmp_path: Path) -> None:
    reference = timm_vit(img_size=64, patch_size=16)
    save_file(reference.state_dict(), tmp_path / "model.safetensors")
    rgb, thermal = (load_backbone(tmp_path, in_chans=channels).backbone for channels in (3, 1))
    grey = picture(1, 1, 64, 64)
    with torch.no_grad():
        expected = all_tokens(rgb(grey.expand(-1, 3, -1, -1)))
        assert largest_difference(all_tokens(thermal(grey)), expected) < EXACT
