"""Weights of torchvision, from where it has them; and what is said when that fails."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="public models are adopted with torch")
transformers = pytest.importorskip("transformers", reason="the model's library, a test dependency")
pytest.importorskip("huggingface_hub", reason="the hub's client, a test dependency")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

from hub.refusal import refusal
from hub.server import Hub
from vit_perception.hub.download import download
from vit_perception.hub.names import PublicName


@pytest.fixture
def weights(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of the file of torchvision's weights of a Swin: a tensor, and the start of its hash."""
    torchvision = pytest.importorskip("torchvision", reason="the model's library, a test dependency")
    state = io.BytesIO()
    torch.save({"head.weight": torch.arange(6.0)}, state)
    name = f"swin_t-{hashlib.sha256(state.getvalue()).hexdigest()[:8]}.pth"
    hub.files[name] = state.getvalue()
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache of torch"))
    known = torchvision.models.get_model_weights("swin_t")
    monkeypatch.setattr(known.IMAGENET1K_V1.value, "url", f"{hub.url}/files/{name}")
    return name


def test_weights_of_torchvision_become_a_folder(weights: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    steps: list[str] = []
    with download(PublicName("torchvision", "swin_t"), tmp_path, steps.append) as (folder, source, licence):
        assert (source, licence) == ("torchvision:swin_t/IMAGENET1K_V1", "BSD-3-Clause")
        assert load_file(folder / "model.safetensors")["head.weight"].tolist() == [0, 1, 2, 3, 4, 5]
        config = json.loads((folder / "config.json").read_text())
        assert (config["architecture"], config["weights"]) == ("swin_t", "IMAGENET1K_V1")
    assert steps[-1].endswith("(100 %)")
    assert not list(tmp_path.glob(".draft-*"))


def test_weights_that_torchvision_keeps_are_taken(hub: Hub, weights: str, tmp_path: Path) -> None:
    kept = tmp_path / "cache of torch" / "checkpoints" / weights
    kept.parent.mkdir(parents=True)
    kept.write_bytes(hub.files[weights])
    hub.vanish()
    with download(PublicName("torchvision", "swin_t"), tmp_path, lambda _: None) as (folder, _, _):
        assert (folder / "model.safetensors").is_file()


def test_weights_of_torchvision_that_come_damaged(hub: Hub, weights: str) -> None:
    hub.changed.add(weights)
    assert f"{weights} of torchvision:swin_t came with another content" in refusal("torchvision:swin_t")
    hub.cut[weights] = [100]
    assert f"{weights} of torchvision:swin_t was cut short, 100 bytes of" in refusal("torchvision:swin_t")
    hub.files.clear()
    assert "torchvision:swin_t is not found" in refusal("torchvision:swin_t")
    hub.vanish()
    said = refusal("torchvision:swin_t")
    assert f"cannot be downloaded from {hub.url}/files/{weights} (Connection refused)" in said


def test_models_that_torchvision_lacks(hub: Hub) -> None:
    pytest.importorskip("torchvision", reason="the model's library, a test dependency")
    assert "torchvision's 'resnet50' is not supported" in refusal("torchvision:resnet50")
    assert "swin_t has no weights 'V9': choose from IMAGENET1K_V1" in refusal("torchvision:swin_t/V9")
