"""Public models from a hub, which is real but for its address; and what is said when that fails."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="public models are adopted with torch")
transformers = pytest.importorskip("transformers", reason="the model's library, a test dependency")
pytest.importorskip("huggingface_hub", reason="the hub's client, a test dependency")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

from hub.publish import publish
from hub.server import COMMIT, TOKEN, Hub
from vit_perception.cards.card import load_card
from vit_perception.hub.download import download
from vit_perception.hub.names import PublicName
from vit_perception.hub.obtain import obtain_model

NAME = "hf:org/tiny"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT as it is published, with what else repositories have."""
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


def refusal(name: str = NAME) -> str:
    """What is said of a model that cannot be had, of which nothing is left."""
    store = Path(os.environ["VIT_PERCEPTION_MODELS"])
    with pytest.raises((ValueError, OSError)) as caught:
        obtain_model(name)
    # `*` finds the drafts, too.
    assert {each.name for each in store.glob("*")} <= {".lock"}
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert "Errno" not in said
    return said


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


@pytest.fixture
def small_disk(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A store on a disk of its own, made with these options of tmpfs."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True
        )
        if mounted.returncode:
            pytest.skip("may not mount a disk here")
        monkeypatch.setenv("VIT_PERCEPTION_MODELS", str(place))
        return place

    yield mount
    subprocess.run(["umount", str(place)], capture_output=True)


def test_a_disk_without_room_is_seen_before(hub: Hub, small_disk: Callable[[str], Path]) -> None:
    place = small_disk("size=64k")
    said = refusal()
    assert f"hf:org/tiny needs 0.3 MB in {place}, which has 0.1 MB free: make room, or set VIT" in said
    assert not hub.downloaded()


def test_a_disk_that_fills_up(tiny: Path, small_disk: Callable[[str], Path]) -> None:
    place = small_disk("size=64k")
    said = refusal(str(tiny))
    assert said.startswith(
        f"the disk of {place} takes no more (No space left on device): make room, or set VIT"
    )


def test_a_disk_that_is_full_when_the_graph_is_written(tiny: Path, small_disk: Callable[[str], Path]) -> None:
    weights = (tiny / "model.safetensors").stat().st_size
    place = small_disk(f"size={weights // 4096 * 4 + 20}k")
    assert f"the disk of {place} takes no more" in refusal(str(tiny))


def test_a_disk_that_may_not_be_written(small_disk: Callable[[str], Path]) -> None:
    place = small_disk("ro")
    assert refusal() == (
        f"{place} cannot be written (Read-only file system): set VIT_PERCEPTION_MODELS to a folder elsewhere"
    )


def test_a_limit_that_a_download_exceeds(hub: Hub) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        said = refusal()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "takes no more (File too large): make room, or set VIT_PERCEPTION_MODELS" in said


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
