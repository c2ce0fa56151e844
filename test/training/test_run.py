"""From datasets on disk to a model folder that runs, by the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("torchvision", reason="training needs torchvision: make test installs it")
pytest.importorskip("onnx", reason="the model is exported")
pytest.importorskip("openvino", reason="the model is run")
pytest.importorskip("pycocotools", reason="average precision needs pycocotools: make test installs it")

from kept_graphs import kept_graphs
from training.folders import mask_folder, yolo_folder
from vit_perception.cards.card import load_card
from vit_perception.cli import main
from vit_perception.data.label_space import label_space_as_yaml
from vit_perception.runtime.predictor import Predictor
from vit_perception.training.config import TrainingConfig, write_config
from vit_perception.training.distillation import Distillation
from vit_perception.training.split import HELD_OUT, PARTS

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on a pack with boxes and a folder with masks; its folder, and the command's words."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("run")
    from training.small_dataset import SPACE

    (folder / "labels.yaml").write_text(yaml.safe_dump(label_space_as_yaml(SPACE)))
    config = TrainingConfig(steps=6, batch_size=2, validate_every=3, scales=(0.7, 1.0), held_out=0.2)
    write_config(config, folder / "config.yaml")
    packed = ["--output", str(folder / "boxes.zip"), "--megabytes", "1"]
    assert main(["data", "pack", str(yolo_folder(folder / "boxes")), *packed]) == 0
    words = [
        "train",
        packed[1],
        str(mask_folder(folder / "masks")),
        *("--output", str(folder / "out"), "--labels", str(folder / "labels.yaml")),
        *("--student", str(TINY), "--config", str(folder / "config.yaml")),
    ]
    with kept_graphs():
        assert main(words) == 0
        yield folder / "out", words


def test_the_folder_is_what_a_robot_launches(trained):
    output, _ = trained
    card = load_card(output / "model")
    assert card.labels == ("box", "ball", "floor", "wall")
    assert card.things == (0, 1)
    assert set(card.trained) >= {"classification", "detection", "segmentation", "navigation.action"}
    assert set(card.thresholds) == {"classification", "detection"}
    assert "Trained by vit-perception train" in card.provenance
    perception = Predictor(output / "model", engine="openvino", device="cpu")(np.zeros((60, 80, 3), np.uint8))
    assert perception.segmentation.mask.shape == (60, 80)
    assert perception.detection is not None


def test_the_card_says_what_was_measured_on_pictures_that_chose_nothing(trained):
    output, _ = trained
    card = load_card(output / "model")
    splits = yaml.safe_load((output / "splits.yaml").read_text())
    assert set(splits) == set(PARTS)
    names = [name for part in PARTS for name in splits[part]]
    assert len(names) == len(set(names)) == 24
    held_out = card.metrics["held_out"]
    assert held_out["photographs"] == len(splits["report"])
    assert {"ap50", "miou", "classification_map", "action_accuracy"} <= set(held_out)
    errors = card.metrics["calibration_error"]
    for task in ("classification", "segmentation", "detection"):
        assert {f"{task}_before", f"{task}_after"} <= set(errors) or task == "detection"
    assert card.decoding.segmentation.temperature != 1.0


def test_an_int8_graph_comes_with_it(trained):
    pytest.importorskip("nncf", reason="int8 needs NNCF: make test installs it")
    card = load_card(trained[0] / "model")
    assert "int8" in card.files
    assert card.metrics["int8"]["miou_int8"] == pytest.approx(card.metrics["int8"]["miou_fp32"], abs=20)


def test_its_course_is_a_log_and_a_picture(trained):
    output, _ = trained
    entries = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if "loss" in entry] == [1, 2, 3, 4, 5, 6]
    assert [entry["step"] for entry in entries if "chosen_by" in entry] == [3, 6]
    assert (output / "curves.png").stat().st_size > 1000


def test_what_it_gets_wrong_is_drawn(trained):
    output, _ = trained
    names = {path.name for path in (output / "report").iterdir()}
    assert names == {
        *("confusion_boxes.csv", "confusion_boxes.png", "confusion_masks.csv", "confusion_masks.png"),
        "worst.png",
    }


def test_the_card_has_the_time_of_the_engine(trained):
    card = load_card(trained[0] / "model")
    measured = card.metrics["engine_ms"]
    assert measured["cores"] > 0
    assert tuple(measured["input"]) == card.input_sizes[0]
    assert measured["fp32"]["batch_1"] > 0
    assert ("int8" in measured) == ("int8" in card.files)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--seed", "1"], "holds a run with another seed"),
        (["--blocks", "1"], "trains another model"),
    ],
)
def test_another_run_in_its_folder_is_refused(trained, capsys, change, reason):
    _, words = trained
    assert main([*words, *change]) == 1
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--student", "nothing_like_it"], "neither a file nor a name"),
        (["--blocks", "9"], "blocks is 9: give 1 to 2"),
        (["--labels", "nothing.yaml"], "no label space at nothing.yaml"),
        (["--config", "nothing.yaml"], "no training config at nothing.yaml"),
    ],
)
def test_a_wrong_option_is_one_clear_sentence(trained, tmp_path, capsys, change, reason):
    _, words = trained
    assert main([*words, "--output", str(tmp_path / "out"), *change]) == 1
    assert reason in capsys.readouterr().err


def test_a_taught_model_is_published_like_any_other(trained, tmp_path, capsys):
    from safetensors.torch import load_file

    output, words = trained

    def train(teacher, name):
        lessons = Distillation(teacher, weight=0.0, features=1.0)
        config = TrainingConfig(steps=1, batch_size=2, scales=(0.7, 1.0), held_out=0.2, distillation=lessons)
        write_config(config, tmp_path / "taught.yaml")
        return main([*words, "--config", str(tmp_path / "taught.yaml"), "--output", str(tmp_path / name)])

    assert train("nothing_like_it", "none") == 1
    assert "distillation: nothing_like_it is neither a file nor a name" in capsys.readouterr().err
    assert train(str(TINY), "out") == 0
    plain, taught = (load_card(folder / "model") for folder in (output, tmp_path / "out"))
    weights, others = (load_file(card.file("weights")) for card in (taught, plain))
    assert {name: value.shape for name, value in weights.items()} == {
        name: value.shape for name, value in others.items()
    }
    assert "Learned from tiny." in taught.provenance
    assert "Learned from" not in plain.provenance
    log = (tmp_path / "out" / "log.jsonl").read_text().splitlines()
    assert json.loads(log[0])["tokens"] > 0


def test_without_a_label_space_the_datasets_have_theirs(tmp_path):
    from vit_perception.data.open import open_dataset
    from vit_perception.training.spaces import space_of_datasets

    datasets = [
        open_dataset(yolo_folder(tmp_path / "boxes", 4)),
        open_dataset(mask_folder(tmp_path / "m", 4)),
    ]
    space = space_of_datasets(datasets)
    assert space.names == ("box", "ball", "floor", "wall")
    assert [label.thing for label in space.labels] == [True, True, False, False]
    assert space.labels[2].drivable, "the default label space knows that"


def test_parts_that_a_dataset_names_are_taken():
    from vit_perception.training.split import given_split

    parts = {part: np.array([place]) for place, part in enumerate((*HELD_OUT, "test"))}
    split = given_split(parts, 6)
    assert split == {"train": [4, 5], "report": [0], "choose": [1], "calibrate": [2]}
    assert given_split({"val": np.array([1])}, 6) is None
