"""Folders as their publishers made them: adopted once, whole or not at all; and what is said of the wrong."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="public models are adopted with torch")
transformers = pytest.importorskip("transformers", reason="the model's library, a test dependency")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

from hub.publish import publish
from vit_perception.cards.card import load_card, write_card
from vit_perception.cards.files import CARD_FILE
from vit_perception.hub.build import build_public
from vit_perception.hub.obtain import local_model, obtain_model
from vit_perception.hub.store import exclusive, new_folder, prune
from vit_perception.runtime.predictor import Predictor


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    config = transformers.ViTConfig(**small, image_size=32, patch_size=16, num_labels=3)
    folder = tmp_path_factory.mktemp("published") / "tiny"
    model = transformers.ViTForImageClassification(config)
    publish(folder, model, transformers.ViTImageProcessor(size={"height": 32, "width": 32}))
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """Of the folder, to be damaged."""
    return shutil.copytree(tiny, tmp_path / "copy")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path / "store"))
    return tmp_path / "store"


def test_a_folder_is_adopted_once_and_again_when_it_changes(copy: Path, store: Path) -> None:
    assert local_model(copy) is None
    steps: list[str] = []
    folder = obtain_model(copy, steps.append)
    assert steps[:3] == [
        "reading copy",
        "exporting copy",
        "comparing copy in this machine's fastest precision with fp32",
    ]
    done = len(steps)
    card = load_card(folder)
    assert (card.source, card.licence) == (str(copy), "MIT")
    assert set(card.files) == {"weights", "onnx"}
    assert obtain_model(copy / "model.safetensors", steps.append) == obtain_model(copy) == folder
    assert len(steps) == done
    config = copy / "config.json"
    config.write_text(
        json.dumps(json.loads(config.read_text()) | {"id2label": {"0": "a", "1": "b", "2": "c"}})
    )
    again = obtain_model(copy)
    assert again != folder
    assert load_card(again).labels == ("a", "b", "c")
    assert {each.name for each in store.glob("[!.]*")} == {folder.name, again.name}


def test_the_last_two_of_a_folder_s_models_are_kept(tmp_path: Path) -> None:
    card = load_card(Path(__file__).parents[1] / "fixtures" / "tiny")
    sources = {
        "arm-1": "/arm",
        "arm-2": "/arm",
        "arm-3": "/arm",
        "arm-left-1": "/arm-left",
        "arm-4": "/else/arm",
    }
    for age, (name, source) in enumerate(sources.items()):
        folder = tmp_path / name
        folder.mkdir()
        write_card(dataclasses.replace(card, source=source, folder=folder))
        os.utime(folder / CARD_FILE, ns=(age, age))
    (tmp_path / "arm-broken").mkdir()
    prune(tmp_path.glob("arm-*"), "/arm")
    assert {each.name for each in tmp_path.iterdir()} == {*sources, "arm-broken"} - {"arm-1"}


def damage_config(**changes: Any) -> Any:
    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def cut_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def pickle_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut_weights, "the weights in {} cannot be read: .*download them again"),
        (pickle_weights, "{} has its weights in pytorch_model.bin alone, a pickle, which can run code"),
        (lambda folder: (folder / "model.safetensors").unlink(), "{} has no model.safetensors: download"),
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "{} has no preprocessor_config.json"),
        (
            lambda folder: (folder / "preprocessor_config.json").write_text("{"),
            "the processor's settings in {}",
        ),
        (lambda folder: (folder / "config.json").write_text("<html>"), "{}/config.json is not JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), "{}/config.json holds a list"),
        (
            damage_config(auto_map={"AutoModel": "evil.Evil"}),
            "{}/config.json asks to run Python code of its own",
        ),
        (
            damage_config(architectures=["BertForMaskedLM"]),
            "{} holds a BertForMaskedLM, which answers none of our",
        ),
        (damage_config(model_type="no_such"), "{}/config.json is not of a model that transformers has"),
        (damage_config(num_hidden_layers=2), "the weights in {} lack .*they are not of a trained"),
    ],
)
def test_what_is_wrong_is_one_sentence(copy: Path, store: Path, damage: Any, reason: str) -> None:
    (copy / "evil.py").write_text(f"open({str(copy / 'run')!r}, 'w')")
    damage(copy)
    with pytest.raises((ValueError, FileNotFoundError), match=reason.format(copy)) as caught:
        obtain_model(copy)
    assert len(str(caught.value).splitlines()) == 1
    assert [each.name for each in store.iterdir()] == [".lock"]
    assert not (copy / "run").exists()


def test_a_model_that_answers_nothing_of_ours(tmp_path: Path) -> None:
    """As it is published, without an image processor: what it is comes before what it lacks."""
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    transformers.BertForMaskedLM(config).save_pretrained(tmp_path / "bert")
    with pytest.raises(ValueError, match="bert holds a BertForMaskedLM, which answers none of our tasks"):
        obtain_model(tmp_path / "bert")


def test_what_else_may_be_meant_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match="a model on the Hugging Face hub is called hf:facebook/detr-resnet-50"
    ):
        obtain_model("facebook/detr-resnet-50")
    with pytest.raises(
        FileNotFoundError, match=r"must hold model.yaml, or be a publisher's, with config.json"
    ):
        obtain_model(tmp_path)
    with pytest.raises(
        FileNotFoundError, match="no model named 'robot_vit_s15': did you mean robot_vit_s14"
    ) as caught:
        obtain_model("robot_vit_s15")
    assert "hf:" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k", "timm:vit_tiny_patch16_224.augreg_in21k_ft_in1k"),
        ("torchvision/vit_b_16.IMAGENET1K_V1", "torchvision:vit_b_16/IMAGENET1K_V1"),
        ("google/vit-base-patch16-224", "hf:google/vit-base-patch16-224"),
        ("fair/dinov2_vits14", None),
    ],
)
def test_a_backbone_s_name_is_told_from_a_model_s(name: str, meant: str | None) -> None:
    says = f"'{name}' is a backbone's weights, for load_backbone and training"
    with pytest.raises(FileNotFoundError) as caught:
        obtain_model(name)
    assert str(caught.value) == says + (f"; {meant} runs the model as its publisher made it" if meant else "")


def test_pytorch_runs_a_public_model_with_a_builder_alone(tiny: Path) -> None:
    folder = obtain_model(tiny)
    with pytest.raises(ValueError, match=r"pass build_public=vit_perception\.hub\.build\.build_public"):
        Predictor(folder, "torch", "cpu")
    assert Predictor(folder, "torch", "cpu", build_public=build_public).engine.name == "torch"


def test_a_store_without_locks_is_written_all_the_same(
    tiny: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some network disks."""
    import filelock

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    store.mkdir()
    (store / ".draft-of-another-process").mkdir()
    assert obtain_model(tiny).is_dir()
    assert (store / ".draft-of-another-process").is_dir(), "it may still be at work"


def test_waiting_for_another_process_is_reported(tmp_path: Path) -> None:
    reports: list[str] = []
    entered = threading.Event()

    def wait() -> None:
        with exclusive(tmp_path, reports.append):
            entered.set()

    with exclusive(tmp_path, lambda _: None):
        thread = threading.Thread(target=wait)
        thread.start()
        assert not entered.wait(0.3)
    thread.join(20)
    assert entered.is_set()
    assert reports == [f"waiting for another process, which adopts a model into {tmp_path}"]


def test_a_store_that_is_no_folder(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "inside"):
        monkeypatch.setenv("VIT_PERCEPTION_MODELS", str(place))
        with pytest.raises(
            OSError, match=f"{place} cannot be written .*: set VIT_PERCEPTION_MODELS to a folder"
        ):
            obtain_model(tiny)


def test_a_library_that_is_missing_is_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "vit_perception.hub.download", raising=False)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        FileNotFoundError,
        match=r"adopting it needs huggingface_hub: pip install './src/vit_perception\[hub\]'",
    ):
        obtain_model("hf:org/name")


def test_another_process_may_be_quicker(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with new_folder(target) as draft:
        (draft / CARD_FILE).write_text("ours")
        with new_folder(target) as other:
            (other / CARD_FILE).write_text("theirs")
    assert (target / CARD_FILE).read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_not_whole_is_replaced_or_removed(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "model.safetensors").write_text("left by hand")
    with new_folder(target) as draft:
        (draft / CARD_FILE).write_text("ours")
    assert [each.name for each in target.iterdir()] == [CARD_FILE]
    killed = tmp_path / ".draft-of-one-that-was-killed"
    killed.mkdir()
    with exclusive(tmp_path, lambda _: None):
        assert not killed.exists()
        raised = False
        try:
            with new_folder(tmp_path / "other"):
                raise RuntimeError
        except RuntimeError:
            raised = True
        assert raised
    assert {each.name for each in tmp_path.iterdir()} == {target.name, ".lock"}
