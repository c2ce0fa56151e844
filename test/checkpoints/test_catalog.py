"""The catalogue: cards that are complete and agree with their sources, and files that are found by name."""

from __future__ import annotations

import contextlib
import urllib.request
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from torch import Tensor

from vit_perception import cli
from vit_perception.backbones.registry import VARIANTS
from vit_perception.checkpoints import download
from vit_perception.checkpoints.card import make_card
from vit_perception.checkpoints.catalog import describe_catalog, find_card, read_catalog
from vit_perception.checkpoints.format import rename
from vit_perception.checkpoints.load import load_backbone, recognise

CATALOG = read_catalog()
FIELDS: dict[str, Any] = {
    "architecture": "vit_tiny_patch16",
    "url": "https://example.com/vit.pth",
    "input_size": [224, 224],
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "crop_pct": 0.9,
    "interpolation": "bicubic",
    "norm_eps": 1e-6,
    "pos_interpolation": {"antialias": True},
    "license": "Apache-2.0",
}


def of(source: str) -> list[str]:
    return [name for name in CATALOG if name.startswith(f"{source}/")]


def assert_fits(name: str, state: dict[str, Tensor], settings: dict[str, Any]) -> None:
    """The tensors of a source's model, on the meta device, make the card's architecture, none left over."""
    from vit_perception.checkpoints.format import convert

    card = CATALOG[name]
    path = Path(name)
    format = recognise(state, settings, path)
    with torch.device("meta"), contextlib.suppress(RuntimeError):
        rename(state, format)
    with torch.device("meta"):
        backbone, _ = convert(state, format, settings)
    expected = VARIANTS[card.architecture]
    for field in ("embed_dim", "depth", "depths", "num_heads", "patch_size", "widths", "dims"):
        found, wanted = getattr(backbone.config, field, None), getattr(expected, field, None)
        assert found == wanted, f"{field} is {found}, not {wanted}"


@pytest.mark.parametrize("name", of("timm"))
def test_timm_agrees(name: str) -> None:
    timm = pytest.importorskip("timm", reason="the source, a test dependency")
    card, theirs = CATALOG[name], timm.get_pretrained_cfg(name.removeprefix("timm/"))
    assert card.url == f"hf://{theirs.hf_hub_id}"
    assert card.input_size == theirs.input_size[1:]
    assert (card.mean, card.std, card.crop_pct) == (theirs.mean, theirs.std, theirs.crop_pct)
    assert card.interpolation == theirs.interpolation
    licences = {"apache-2.0": "Apache-2.0", "mit": "MIT", "cc-by-nc-4.0": "CC-BY-NC-4.0"}
    assert card.license == licences.get(theirs.license, "LicenseRef-CVNets")
    with torch.device("meta"):
        model = timm.create_model(name.removeprefix("timm/").split(".")[0])
    assert_fits(name, model.state_dict(), {"architecture": name.removeprefix("timm/").split(".")[0]})
    norms = [part for part in model.modules() if isinstance(part, torch.nn.LayerNorm | torch.nn.GroupNorm)]
    assert {norm.eps for norm in norms} == {card.norm_eps}


@pytest.mark.parametrize("name", of("torchvision"))
def test_torchvision_agrees(name: str) -> None:
    models = pytest.importorskip("torchvision.models", reason="the source, a test dependency")
    card = CATALOG[name]
    variant, weights = name.removeprefix("torchvision/").split(".")
    theirs = models.get_model_weights(variant)[weights]
    shown = theirs.transforms()
    assert card.url == theirs.url
    assert card.input_size == (shown.crop_size[0], shown.crop_size[0])
    assert card.crop_pct == pytest.approx(shown.crop_size[0] / shown.resize_size[0], abs=1e-4)
    assert (list(card.mean), list(card.std)) == (shown.mean, shown.std)
    assert card.interpolation == shown.interpolation.value
    size = {"image_size": card.input_size[0]} if variant.startswith("vit") else {}
    with torch.device("meta"):
        model = models.get_model(variant, weights=None, **size)
    assert_fits(name, model.state_dict(), {})
    norms = [part for part in model.modules() if isinstance(part, torch.nn.LayerNorm)]
    assert {norm.eps for norm in norms} == {card.norm_eps}


def test_every_card_has_an_architecture_and_a_place_to_get_it() -> None:
    assert len(CATALOG) > 60
    for name, card in CATALOG.items():
        assert card.architecture in VARIANTS
        assert card.url.startswith(("hf://", "https://")), name
        if not name.startswith(("fair/", "torchvision/")):
            assert card.url == f"hf://{name}"
        plain = hasattr(VARIANTS[card.architecture], "pos_interpolation")
        assert (card.pos_interpolation is not None) == plain, name
    assert len({card.url for card in CATALOG.values()}) == len(CATALOG)


def test_models_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models"]) == 0
    printed = capsys.readouterr().out
    for name in CATALOG:
        assert name in printed
    assert describe_catalog() in printed


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"licence": "MIT"}, "unknown fields: licence"),
        ({"architecture": "vit_gigantic"}, "unknown architecture 'vit_gigantic'"),
        ({"input_size": [224]}, r"input_size \(224,\) is not a height and a width"),
        ({"std": [0.5, 0.5]}, r"std \(0\.5, 0\.5\) do not fit"),
        ({"crop_pct": 1.5}, r"crop_pct 1\.5 is not in"),
        ({"interpolation": "nearest"}, "'nearest' is not one of bicubic, bilinear"),
        ({"norm_eps": 0}, "norm_eps 0 is not in"),
        ({"pos_interpolation": {"smooth": True}}, "pos_interpolation: .*smooth"),
        ({"license": ""}, "license is empty"),
    ],
)
def test_a_wrong_card_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"card mine.*{reason}"):
        make_card("mine", FIELDS | changes)


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(ValueError, match=f"card mine lacks {field}"):
        make_card("mine", {name: value for name, value in FIELDS.items() if name != field})


def test_a_checkpoint_in_the_cache_is_loaded_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its card: its eps, its way with positions; and another size than the card's is refused."""
    timm = pytest.importorskip("timm", reason="the source, a test dependency")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", None)  # nothing may be fetched
    name = "fair/deit_tiny_patch16_224"
    cache = tmp_path / "checkpoints"
    cache.mkdir()
    file = cache / CATALOG[name].url.rsplit("/", 1)[-1]
    torch.save({"model": timm.create_model("deit_tiny_patch16_224").state_dict()}, file)
    loaded = load_backbone(name)
    assert loaded.card == CATALOG[name]
    assert loaded.dropped == ("head.weight", "head.bias")
    assert loaded.backbone.config.embed_dim == VARIANTS["deit_tiny_patch16"].embed_dim
    assert loaded.backbone.config.pos_interpolation == CATALOG[name].pos_interpolation
    torch.save({"model": timm.create_model("deit_small_patch16_224").state_dict()}, file)
    with pytest.raises(ValueError, match="is no deit_tiny_patch16: its embed_dim is 384, not 192"):
        load_backbone(name)


@pytest.mark.parametrize("name", ["fair/deit_tiny_patch16_224", "facebook/dinov2-small"])
def test_what_cannot_be_reached_says_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("huggingface_hub", reason="reaches the Hugging Face hub, a test dependency")
    import huggingface_hub

    def unreachable(*_: Any, **__: Any) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(FileNotFoundError, match=r"cannot be downloaded .*network is unreachable.*local copy"):
        load_backbone(name)


def test_only_weights_and_their_description_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub", reason="reaches the Hugging Face hub, a test dependency")
    import huggingface_hub

    asked: dict[str, Any] = {}

    def fetch(repository: str, allow_patterns: list[str]) -> str:
        asked.update(repository=repository, patterns=allow_patterns)
        return "/somewhere"

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert download.download(CATALOG["facebook/dinov2-small"]) == Path("/somewhere")
    assert asked["repository"] == "facebook/dinov2-small"
    assert not any(pattern.endswith((".bin", "*")) for pattern in asked["patterns"])


@pytest.mark.parametrize(
    ("after_model", "listed"),
    [
        ("timm:vit_small_patch14_dinov2.lvd142m", "timm/vit_small_patch14_dinov2.lvd142m"),
        ("hf:timm/vit_small_patch14_dinov2.lvd142m", "timm/vit_small_patch14_dinov2.lvd142m"),
        ("hf:facebook/dinov2-small", "facebook/dinov2-small"),
        ("torchvision:swin_t", "torchvision/swin_t.IMAGENET1K_V1"),
        ("torchvision:swin_t/DEFAULT", "torchvision/swin_t.IMAGENET1K_V1"),
        ("torchvision:vit_b_16/IMAGENET1K_SWAG_E2E_V1", "torchvision/vit_b_16.IMAGENET1K_SWAG_E2E_V1"),
    ],
)
def test_names_as_after_model_are_the_listed_ones(after_model: str, listed: str) -> None:
    assert find_card(after_model) is CATALOG[listed]
    assert find_card(listed) is CATALOG[listed]


@pytest.mark.parametrize("name", of("torchvision"))
def test_torchvisions_default_is_ours(name: str) -> None:
    torchvision = pytest.importorskip("torchvision", reason="the source, a test dependency")
    architecture = name.removeprefix("torchvision/").split(".")[0]
    default = torchvision.models.get_model_weights(architecture).DEFAULT
    found = find_card(f"torchvision:{architecture}")
    assert found is not None
    assert found.url == default.url


def test_every_listed_public_name_has_the_form_after_model() -> None:
    """But FAIR's own files, which no library runs as they are."""
    for name, card in CATALOG.items():
        publisher, _, rest = name.partition("/")
        if publisher == "torchvision":
            assert find_card("torchvision:" + rest.replace(".", "/", 1)) is card
        elif publisher != "fair":
            assert find_card(f"hf:{name}") is card
        if publisher == "timm":
            assert find_card(f"timm:{rest}") is card


def test_a_name_as_after_model_loads_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local file by that card, and the public file by its name."""
    torchvision = pytest.importorskip("torchvision", reason="the source, a test dependency")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", None)  # nothing may be fetched
    (tmp_path / "checkpoints").mkdir()
    card = CATALOG["torchvision/swin_t.IMAGENET1K_V1"]
    file = tmp_path / "checkpoints" / card.url.rsplit("/", 1)[-1]
    torch.save(torchvision.models.swin_t().state_dict(), file)
    by_name = load_backbone("torchvision:swin_t")
    by_card = load_backbone(file, card="torchvision:swin_t")
    assert by_name.card == by_card.card == card
    assert by_name.format == "torchvision swin"
    assert "head.weight" in by_name.dropped


@pytest.mark.parametrize(
    "name",
    [
        "timm/vit_imaginary",
        "timm:vit_imaginary",
        "hf:facebook/detr-resnet-50",
        "hf:facebook/dinov2-small@main",
        "torchvision:resnet50",
        "ftp:a/b",
    ],
)
def test_an_unknown_name_is_refused(name: str) -> None:
    """With both ways: what goes into our layers, and what runs as it was published."""
    with pytest.raises(FileNotFoundError, match="neither a file nor a name") as caught:
        load_backbone(name)
    assert str(caught.value).startswith(name)
    assert "`vit-perception models`" in str(caught.value)
    assert "model:=timm:NAME" in str(caught.value)


def test_an_unknown_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no checkpoint is named 'timm:vit_imaginary'"):
        load_backbone(tmp_path, card="timm:vit_imaginary")
