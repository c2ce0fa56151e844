"""Names of public models, and the licences that they are under."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vit_perception.hub.licences import of_folder, of_hugging_face, of_torchvision, warning
from vit_perception.hub.names import PublicName, parse_name, suggest


@pytest.mark.parametrize(
    ("text", "expected", "folder"),
    [
        ("hf:hustvl/yolos-tiny", PublicName("hf", "hustvl/yolos-tiny"), "hf--hustvl--yolos-tiny"),
        ("hf:a/b@v1.0", PublicName("hf", "a/b", "v1.0"), "hf--a--b--v1.0"),
        ("hf:a/b@refs/pr/3", PublicName("hf", "a/b", "refs/pr/3"), "hf--a--b--refs--pr--3"),
        ("timm:vit_tiny_patch16_224.augreg", PublicName("timm", "vit_tiny_patch16_224.augreg"), None),
        ("torchvision:vit_b_16", PublicName("torchvision", "vit_b_16"), "torchvision--vit_b_16"),
        (
            "torchvision:swin_t/IMAGENET1K_V1",
            PublicName("torchvision", "swin_t", "IMAGENET1K_V1"),
            "torchvision--swin_t--IMAGENET1K_V1",
        ),
    ],
)
def test_names_are_read_and_written(text: str, expected: PublicName, folder: str | None) -> None:
    found = parse_name(text)
    assert found == expected
    assert str(found) == text
    assert found.folder == (folder or f"timm--{expected.name}")
    assert set(found.folder) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@pytest.mark.parametrize(
    "text", ["robot_vit_s14", "models/mine", "/a/b:c/d", "./hf:a", "C:\\models", "", "a b:c"]
)
def test_what_is_no_public_name_is_left_to_others(text: str) -> None:
    assert parse_name(text) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("hff:a/b", "hf:a/b"),
        ("HF:a/b", "hf:a/b"),
        ("huggingface:a/b@main", "hf:a/b@main"),
        ("hf://a/b", "hf:a/b"),
        ("hf:a/b/", "hf:a/b"),
        ("https://huggingface.co/a/b", "hf:a/b"),
        ("https://huggingface.co/a/b/tree/v1", "hf:a/b@v1"),
        ("tim:vit_tiny", "timm:vit_tiny"),
        ("torchvison:vit_b_16/DEFAULT", "torchvision:vit_b_16/DEFAULT"),
    ],
)
def test_what_was_meant_is_said(text: str, meant: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a public model: did you mean") as caught:
        parse_name(text)
    assert str(caught.value).endswith(f"did you mean {meant}")


@pytest.mark.parametrize(
    "text", ["hf:", "hf:a", "hf:a/b@", "hf:a/../b", "hf:a/b c", "hf:a--b/c", "hf:.a/b", "timm:a/b", "ftp:a/b"]
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"give hf:ORG/NAME\[@REVISION\], timm:NAME or torchvision:NAME"):
        parse_name(text)


def test_a_name_without_a_scheme_is_completed() -> None:
    assert suggest("facebook/detr-resnet-50") == "hf:facebook/detr-resnet-50"
    assert suggest("robot_vit_s14") is None
    assert suggest("a/b/c") is None


@pytest.mark.parametrize(
    ("card", "tags", "expected"),
    [
        ({"license": "apache-2.0"}, ["license:mit"], "Apache-2.0"),
        (None, ["vision", "license:mit"], "MIT"),
        ({"license": "cc-by-nc-sa-4.0"}, [], "CC-BY-NC-SA-4.0"),
        ({"license": "other", "license_name": "apple-amlr"}, [], "other (apple-amlr)"),
        ({"license": ["mit", "apache-2.0"]}, None, "unknown"),
        ({"license": "openrail"}, [], "OpenRAIL"),
    ],
)
def test_licences_of_the_hub(card: dict[str, Any] | None, tags: list[str] | None, expected: str) -> None:
    info = SimpleNamespace(card_data=SimpleNamespace(**card) if card else None, tags=tags)
    assert of_hugging_face(info) == expected


def test_licences_of_torchvision() -> None:
    assert of_torchvision({}) == "BSD-3-Clause"
    assert (
        of_torchvision({"license": "https://github.com/facebookresearch/SWAG/blob/main/LICENSE"})
        == "CC-BY-NC-4.0"
    )


@pytest.mark.parametrize(
    ("readme", "expected"),
    [
        ("---\nlicense: apache-2.0\ntags: [vision]\n---\n# A model\n", "Apache-2.0"),
        ("---\nlicense: other\nlicense_name: mine\n---\n", "other (mine)"),
        ("# A model\n", "unknown"),
        ("---\n[\n---\n", "unknown"),
        ("---\njust words\n---\n", "unknown"),
        (None, "unknown"),
    ],
)
def test_licences_of_a_folder(readme: str | None, expected: str, tmp_path: Path) -> None:
    if readme is not None:
        (tmp_path / "README.md").write_text(readme)
    assert of_folder(tmp_path) == expected


def test_what_forbids_commercial_use_is_warned_of() -> None:
    assert all(
        warning(each) is None for each in ("Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0", "CC0-1.0")
    )
    assert warning("CC-BY-NC-4.0") == "the licence CC-BY-NC-4.0 forbids commercial use"
    assert "publish the source" in str(warning("AGPL-3.0"))
    for each in ("other (apple-amlr)", "unknown", "OpenRAIL", "LicenseRef-CVNets"):
        assert f"the licence {each!r} may forbid commercial use" in str(warning(each))
