"""`make default-model`: which commands it runs, what it skips, and what it says when something is missing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import default_model
from default_model import CONFIGS, NAME, TEACHERS
from vit_perception.cli import make_parser
from vit_perception.data.label_space import read_label_space


class Commands:
    """Takes the place of the commands: keeps their words, and makes the files that a step leaves."""

    def __init__(self, fails: str = "") -> None:
        self.words: list[list[str]] = []
        self.fails = fails
        self.ms = [20.0, 21.0]

    def __call__(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        words = command[3:]
        self.words.append(words)
        options = make_parser().parse_args(words)  # exits if there is no such command or option
        if words[0] == self.fails:
            return subprocess.CompletedProcess(command, 1)
        output = {
            "label": lambda: options.output / "instances.json",
            "data": lambda: options.output,
            "train": lambda: options.output / "model/model.yaml",
            "quantize": lambda: Path(options.model) / "model_int8.xml",
            "bench": lambda: options.output,
        }[words[0]]()
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(
            json.dumps({"engine": {"int8": {"batch_1": self.ms.pop(0)}}} if words[0] == "bench" else {})
        )
        return subprocess.CompletedProcess(command, 0)


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    for name in ("pictures", "labelled", "teachers"):
        (tmp_path / name).mkdir()
    for name in TEACHERS:
        (tmp_path / "teachers" / name).touch()
    return [
        word for name in ("pictures", "labelled", "teachers") for word in (f"--{name}", str(tmp_path / name))
    ]


def run(monkeypatch, commands: Commands, *words: str, gpus: int = 0) -> int:
    monkeypatch.setattr(default_model.subprocess, "run", commands)
    monkeypatch.setattr(default_model, "show_card", lambda folder: None)
    monkeypatch.setattr(default_model, "count_cuda_devices", lambda: gpus)
    return default_model.main(words)


def test_from_photographs_to_the_card_and_nothing_twice(tmp_path, folders, monkeypatch, capsys):
    commands = Commands()
    splits = tmp_path / "splits.yaml"
    words = (*folders, "--output", str(tmp_path / "out"), "--minutes", "30", "--splits", str(splits))
    assert run(monkeypatch, commands, *words) == 0
    assert [one[0] for one in commands.words] == ["label", "data", "train", "quantize", "bench", "bench"]
    label, pack, train, quantize, before, after = (make_parser().parse_args(one) for one in commands.words)
    assert [Path(teacher).name for teacher in label.teachers] == list(TEACHERS)
    assert pack.datasets == [tmp_path / "out/pictures", tmp_path / "labelled"]
    assert train.datasets == [pack.output]
    assert (train.minutes, train.config, train.splits) == (30, CONFIGS[0], splits)
    assert train.student == f"hybrid:{tmp_path}/teachers/picodet_s_416.onnx"
    assert quantize.splits == train.output / "splits.yaml"
    assert [before.model, after.model] == [NAME, str(tmp_path / "out" / NAME / "model")]
    printed = capsys.readouterr().out
    assert "[2/6] pack: 0:00:0" in printed
    assert f"int8: 21.0 ms, 1.05 times the 20.0 ms of today's {NAME}" in printed
    again = Commands()
    assert run(monkeypatch, again, *words) == 0
    assert again.words == []
    assert f"train: {tmp_path}/out/{NAME}/model/model.yaml is there" in capsys.readouterr().out


def test_several_folders_are_labelled_one_after_the_other(tmp_path, folders, monkeypatch):
    (tmp_path / "streets").mkdir()
    commands = Commands()
    words = ("--pictures", str(tmp_path / "pictures"), str(tmp_path / "streets"), *folders[2:])
    assert run(monkeypatch, commands, *words, "--output", str(tmp_path / "out")) == 0
    assert [one[0] for one in commands.words][:3] == ["label", "label", "data"]
    pack = make_parser().parse_args(commands.words[2])
    assert pack.datasets == [tmp_path / "out/pictures", tmp_path / "out/streets", tmp_path / "labelled"]


def test_where_the_pack_is_no_pictures_are_needed(tmp_path, folders, monkeypatch):
    (tmp_path / default_model.PACK).touch()
    commands = Commands()
    assert run(monkeypatch, commands, *folders[4:], "--output", str(tmp_path)) == 0
    assert [one[0] for one in commands.words] == ["train", "quantize", "bench", "bench"]


def test_a_gpu_has_a_config_of_its_own(tmp_path, folders, monkeypatch):
    (tmp_path / default_model.PACK).touch()
    commands = Commands()
    assert run(monkeypatch, commands, *folders[4:], "--output", str(tmp_path), gpus=1) == 0
    assert make_parser().parse_args(commands.words[0]).config == CONFIGS[1]


def test_real_labels_alone(tmp_path, folders, monkeypatch):
    commands = Commands()
    assert run(monkeypatch, commands, *folders[2:], "--output", str(tmp_path / "out")) == 0
    assert [one[0] for one in commands.words][:2] == ["data", "train"]


def test_a_step_that_fails_ends_it(tmp_path, folders, monkeypatch, capsys):
    commands = Commands(fails="train")
    assert run(monkeypatch, commands, *folders, "--output", str(tmp_path / "out")) == 1
    assert [one[0] for one in commands.words][-1] == "train"
    assert capsys.readouterr().err == "default model: train failed; the same command goes on from here\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "nothing to make it from: give PICTURES=FOLDER, or LABELLED=FOLDER"),
        (["--pictures", "{}/pictures"], "give TEACHERS=FOLDER, the folder with deimv2_femto.onnx, "),
        (["--pictures", "{}/none", "--teachers", "{}/teachers"], "there is no folder {}/none"),
        (["--pictures", "{}/pictures", "--teachers", "{}/none"], "there is no folder {}/none"),
        (["--pictures", "{}/pictures", "--teachers", "{}/labelled"], "{}/labelled lacks deimv2_femto.onnx, "),
        (["--labelled", "{}/none"], "there is no folder {}/none"),
        (["--pictures", "{}/pictures", "{}/pictures"], "PICTURES has two folders pictures: rename one"),
        (["--labelled", "{}/labelled"], "give TEACHERS=FOLDER, the folder with deimv2_femto.onnx, "),
    ],
)
def test_what_is_missing_is_one_sentence(tmp_path, folders, monkeypatch, capsys, words, reason):
    commands = Commands()
    words = [word.format(tmp_path) for word in words]
    assert run(monkeypatch, commands, *words, "--output", str(tmp_path / "out")) == 1
    error = capsys.readouterr().err
    assert reason.format(tmp_path) in error
    assert error.count("\n") == 1
    assert commands.words == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_its_configs_suit_its_student(path):
    pytest.importorskip("torch", reason="training needs torch: make test installs it")
    from vit_perception.backbones.hybrid import HybridConfig
    from vit_perception.model import build_model
    from vit_perception.training.config import read_config
    from vit_perception.training.run import freeze

    config = read_config(path)
    backbone = {"variant": "hybrid_small_patch32_picodet", "depth": default_model.BLOCKS}
    sizes = {"num_classes": 3, "num_things": 2, "num_actions": 4}
    model = build_model({"backbone": backbone, "pyramid": {"layers": [0, 1, 2]}, **sizes})
    freeze(model, config.frozen)
    learning = {name for name, each in model.named_parameters() if each.requires_grad}
    assert not [name for name in learning if name.startswith(("backbone.neck.", "heads.detection."))]
    assert config.losses.dense == config.losses.boxes == config.losses.scores == 0
    assert config.input_sizes is not None
    assert all(side % HybridConfig.patch_size == 0 for size in config.input_sizes for side in size)
    assert len(read_label_space(default_model.LABELS).things) == 80
