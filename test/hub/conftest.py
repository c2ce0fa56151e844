"""A hub that is real but for its address, with one model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.server import Hub


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT as it is published, with what else repositories have."""
    import transformers

    from hub.publish import publish

    config = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=32,
        patch_size=16,
        num_labels=3,
    )
    folder = tmp_path_factory.mktemp("published") / "tiny"
    model = transformers.ViTForImageClassification(config)
    publish(folder, model, transformers.ViTImageProcessor(size={"height": 32, "width": 32}))
    for name in (
        "modeling_tiny.py",
        "pytorch_model.bin",
        "tf_model.h5",
        "model.fp16.safetensors",
        "README.md",
    ):
        (folder / name).write_bytes(b"not wanted")
    return folder


@pytest.fixture
def hub(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """With one model, and this process and its children led there."""
    from huggingface_hub.utils import close_session

    for variable in ("HF_HUB_OFFLINE", "VIT_PERCEPTION_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache of the hub"))
    monkeypatch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path / "store"))
    with Hub({"org/tiny": tiny}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        close_session()
        yield hub
    close_session()
