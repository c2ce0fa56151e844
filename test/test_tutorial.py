"""docs/your_own_eyes.md, command by command, on tiny pictures and with tiny teachers."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
for _module in ("torchvision", "openvino", "onnx", "pycocotools", "ensemble_boxes"):
    if importlib.util.find_spec(_module) is None:
        pytest.skip(f"{_module} is not installed: make test installs it", allow_module_level=True)

from data.teachers.tiny_teachers import write_detector, write_segmenter
from training.small_dataset import EVERYTHING, SmallDataset
from vit_perception.cards.card import load_card
from vit_perception.cli import main
from vit_perception.nodes.launch_plan import ARGUMENTS, plan_nodes
from vit_perception.runtime.task_models import TaskModels
from vit_perception.training.config import TrainingConfig, write_config

ROOT = Path(__file__).parents[1]
TINY = str(ROOT / "test" / "fixtures" / "tiny")
PAGE = ROOT / "docs" / "your_own_eyes.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the page begins with."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("eyes")
    write_detector(folder, "detector")
    write_segmenter(folder, "segmenter")
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    for index in range(1, 19):
        # From dark to bright: the tiny detector finds the more of its two things the brighter it is.
        picture = rng.integers(10 * index, 10 * index + 60, (60, 80, 3), np.uint8)
        cv2.imwrite(str(folder / "photos" / f"{index:04d}.png"), picture)
    forklifts = folder / "forklifts"
    for part in ("images", "labels"):
        (forklifts / part / "train").mkdir(parents=True)
    drawn = SmallDataset(12, EVERYTHING)
    for index in range(12):
        cv2.imwrite(str(forklifts / "images" / "train" / f"{index}.png"), drawn.picture(index))
        (forklifts / "labels" / "train" / f"{index}.txt").write_text(f"{index % 2} 0.5 0.5 0.4 0.4\n")
    names = {"train": "images/train", "names": ["forklift", "pallet"]}
    (forklifts / "data.yaml").write_text(yaml.safe_dump(names))
    config = TrainingConfig(batch_size=2, validate_every=2, scales=(0.7, 1.0), held_out=0.15)
    write_config(config, folder / "config.yaml")
    return folder


def test_every_command_of_the_page(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    done = []
    for command in COMMANDS:
        words = shlex.split(command.replace("$PWD", str(folder)))
        if words[0] == "vit-perception":
            # The tiny model, for three steps.
            words = [TINY if word == "robot_vit_s14" else word for word in words[1:]]
            if words[0] == "train":
                place = words.index("--minutes")
                words[place : place + 2] = ["--steps", "3", "--config", "config.yaml"]
            assert main(words) == 0, command
            if words[0] == "label":  # again: nothing is left to do
                assert main(words) == 0
                assert "Labelled already: 18" in capsys.readouterr().err
            done.append(words[0])
        else:
            assert words[:4] == ["ros2", "launch", "vit_perception", "perception.launch.py"]
            values = {argument.name: argument.default for argument in ARGUMENTS}
            values |= dict(word.split(":=") for word in words[4:])
            (plan,) = plan_nodes(values, ROOT / "config")
            models = TaskModels(model=plan.parameters["model"], device="cpu")
            labels = models.card("detection").labels
            assert {"forklift", "pallet", "person", "dog", "grass"} <= set(labels)
            answer = models.batch([np.full((60, 80, 3), 200, np.uint8)], ["rgb"])[0]
            assert answer.segmentation.mask.shape == (60, 80)
            done.append(words[1])
    assert done == ["label", "data", "data", "train", "predict", "launch"]
    assert (folder / "labelled.png").is_file()
    assert (folder / "seen.png").is_file()
    card = load_card(folder / "out" / "eyes" / "model")
    assert {"held_out", "calibration_error"} <= set(card.metrics)
