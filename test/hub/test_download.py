"""Public models from a hub, which is real but for its address; and what is said when that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="public models are adopted with torch")
transformers = pytest.importorskip("transformers", reason="the model's library, a test dependency")
pytest.importorskip("huggingface_hub", reason="the hub's client, a test dependency")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

from hub.refusal import NAME, refusal
from hub.server import COMMIT, TOKEN, Hub
from vit_perception.cards.card import load_card
from vit_perception.hub.download import download
from vit_perception.hub.names import PublicName
from vit_perception.hub.obtain import obtain_model


@pytest.fixture
def other(tiny: Path, hub: Hub, tmp_path: Path) -> Callable[..., Path]:
    """The same model with some files changed, published in its place."""

    def publish_other(without: tuple[str, ...] = (), **config: Any) -> Path:
        folder = tmp_path / "other"
        folder.mkdir()
        for file in tiny.iterdir():
            if file.name not in without:
                (folder / file.name).write_bytes(file.read_bytes())
        settings = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(settings | config))
        hub.models["org/tiny"] = folder
        return folder

    return publish_other


def test_a_model_is_downloaded_once_and_adopted(hub: Hub) -> None:
    steps: list[str] = []
    folder = obtain_model(NAME, steps.append)
    assert sorted(hub.downloaded()) == ["config.json", "model.safetensors", "preprocessor_config.json"]
    card = load_card(folder)
    assert (card.name, card.source, card.licence) == (NAME, f"hf:org/tiny@{COMMIT}", "Apache-2.0")
    assert card.tasks == ("classification", "attention")
    assert set(card.files) == {"weights", "onnx"}
    assert steps[0] == "looking for hf:org/tiny"
    assert any(step.startswith("downloading hf:org/tiny: ") and step.endswith("%)") for step in steps)
    assert {each.name for each in folder.parent.iterdir()} == {"hf--org--tiny", ".lock"}
    assert folder.stat().st_mode & 0o755 == 0o755
    asked = len(hub.asked)
    assert obtain_model(NAME) == folder
    assert len(hub.asked) == asked
    # A folder for a robot is copied from here.
    elsewhere = folder.parents[1] / "for a robot"
    assert obtain_model(NAME, where=elsewhere) == elsewhere / "hf--org--tiny"
    assert load_card(elsewhere / "hf--org--tiny") == card
    assert len(hub.asked) == asked


_WITHOUT_TORCH = """
import socket, sys
for name in ("torch", "transformers", "huggingface_hub", "timm", "torchvision", "onnx"):
    sys.modules[name] = None
def refuse(*_, **__):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
import numpy as np
from vit_perception.hub.build import build_public
from vit_perception.hub.obtain import obtain_model
from vit_perception.runtime.predictor import Predictor
folder = obtain_model(sys.argv[1])
predictor = Predictor(folder, "onnxruntime", "cpu", precision="fp32", build_public=build_public)
answer = predictor(np.zeros((48, 64, 3), np.uint8))
print(len(answer.classification.scores))
"""


def test_what_is_in_the_store_needs_neither_network_nor_torch(hub: Hub) -> None:
    pytest.importorskip("onnxruntime", reason="runs what was adopted")
    obtain_model(NAME)
    hub.vanish()
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TORCH, NAME], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 0


def test_a_download_that_was_cut_goes_on(hub: Hub, tiny: Path) -> None:
    half = (tiny / "model.safetensors").stat().st_size // 2
    hub.cut["model.safetensors"] = [half]
    assert load_card(obtain_model(NAME)).name == NAME
    assert hub.downloaded().count("model.safetensors") == 2


def test_a_download_that_stays_cut_is_given_up(hub: Hub, tiny: Path) -> None:
    hub.cut["model.safetensors"] = [1000, *[0] * 9]
    assert "hf:org/tiny cannot be downloaded" in refusal()


def test_a_file_that_is_shorter_than_the_hub_says(hub: Hub) -> None:
    hub.short["model.safetensors"] = 1000
    assert "model.safetensors of hf:org/tiny was cut short, 1000 bytes of" in refusal()


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_file_with_another_content(hub: Hub, file: str) -> None:
    hub.changed.add(file)
    assert f"{file} of hf:org/tiny came with another content than was published" in refusal()


def test_no_network(hub: Hub) -> None:
    hub.vanish()
    said = refusal()
    assert f"hf:org/tiny cannot be downloaded from {hub.url}/org/tiny (Connection refused)" in said
    assert "check the network and its proxy, or copy the folder that `vit-perception models fetch" in said


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "VIT_PERCEPTION_OFFLINE"])
def test_offline_nothing_is_asked(hub: Hub, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    for name in (NAME, "timm:vit_tiny", "torchvision:vit_b_16"):
        assert f"{name} is not on this machine, and {variable} is set: unset it, or copy" in refusal(name)
    assert not hub.asked


def test_a_repository_or_revision_that_does_not_exist(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal("hf:org/tinny")
    assert (
        f"hf:org/tinny is not found, for {hub.url}/org/tinny does not exist or is private: check the name"
        in said
    )
    assert "timm/tinny does not exist" in refusal("timm:tinny")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "hf:org/tinny is not found" in refusal("hf:org/tinny")
    assert "hf:org/tiny@v9 names a revision that" in refusal("hf:org/tiny@v9")


def test_what_needs_a_token_says_so_and_takes_it(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.gated.add("org/tiny")
    said = refusal()
    assert f"hf:org/tiny is gated: accept its terms on {hub.url}/org/tiny, and set HF_TOKEN" in said
    hub.private.add("org/tiny")
    assert "is private: check the name, or set HF_TOKEN to a token that may read it" in refusal()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert load_card(obtain_model(NAME)).name == NAME


@pytest.mark.parametrize(
    ("status", "reason"),
    [(500, "answers 500: try again later"), (429, "too many requests"), (403, "HF_TOKEN")],
)
def test_a_hub_that_answers_with_an_error(hub: Hub, status: int, reason: str) -> None:
    hub.status = status
    assert reason in refusal()


def test_pickles_are_refused_before_they_come(hub: Hub, other: Callable[..., Path]) -> None:
    other(without=("model.safetensors", "model.fp16.safetensors"))
    assert "hf:org/tiny has no safetensors but pytorch_model.bin" in refusal()
    assert not hub.downloaded()


def test_what_is_no_model_for_images_is_refused_before_it_comes(hub: Hub, other: Callable[..., Path]) -> None:
    other(without=("preprocessor_config.json",))
    assert "hf:org/tiny has no preprocessor_config.json, which says how" in refusal()
    (hub.models["org/tiny"] / "config.json").unlink()
    assert "hf:org/tiny has no config.json" in refusal()
    assert not hub.downloaded()


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (
            {"auto_map": {"AutoModel": "modeling_tiny.Tiny"}},
            "hf:org/tiny/config.json asks to run Python code of its own",
        ),
        (
            {"architectures": ["BertForMaskedLM"]},
            "hf:org/tiny holds a BertForMaskedLM, which answers none of our tasks",
        ),
        ({"architectures": []}, "hf:org/tiny/config.json names no architecture"),
    ],
)
def test_the_weights_of_what_cannot_be_used_do_not_come(
    hub: Hub, other: Callable[..., Path], config: dict[str, Any], reason: str
) -> None:
    other(**config)
    assert reason in refusal()
    assert "model.safetensors" not in hub.downloaded()
    assert not any(name.endswith(".py") for name in hub.downloaded())


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ({"license": "cc-by-nc-4.0"}, "CC-BY-NC-4.0"),
        ({"license": "other", "license_name": "apple-amlr"}, "other (apple-amlr)"),
        ({}, "unknown"),
    ],
)
def test_the_licence_is_on_the_card(hub: Hub, said: dict[str, str], licence: str, tmp_path: Path) -> None:
    hub.licence = said
    with download(PublicName("hf", "org/tiny"), tmp_path, lambda _: None) as (folder, _, found):
        assert found == licence
        assert (folder / "model.safetensors").is_file()
    assert not list(tmp_path.glob(".draft-*"))


def test_weights_in_parts(hub: Hub, tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    model = transformers.ViTForImageClassification.from_pretrained(tiny)
    model.save_pretrained(folder, max_shard_size="20KB")
    (folder / "preprocessor_config.json").write_bytes((tiny / "preprocessor_config.json").read_bytes())
    hub.models["org/tiny"] = folder
    assert load_card(obtain_model(NAME)).name == NAME
    assert sum(name.startswith("model-0") for name in hub.downloaded()) > 1


_OBTAIN = """
import sys
from vit_perception.hub.obtain import obtain_model
print(obtain_model(sys.argv[1], print))
"""


def test_processes_that_start_together_download_once(hub: Hub) -> None:
    command = [sys.executable, "-c", _OBTAIN, NAME]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=100)[0].splitlines() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    folder = Path(os.environ["VIT_PERCEPTION_MODELS"]) / "hf--org--tiny"
    assert [lines[-1] for lines in said] == [str(folder)] * 2
    assert hub.downloaded().count("model.safetensors") == 1
    assert [each.name for each in folder.parent.glob("[!.]*")] == [folder.name]
