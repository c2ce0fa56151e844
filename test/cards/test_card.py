"""Cards are read strictly: every wrong field is named."""

from pathlib import Path

import pytest
import yaml

from vit_perception.cards.card import check_thresholds, load_card, write_card

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"


def write(folder, drop=(), **changes):
    fields = yaml.safe_load((TINY / "model.yaml").read_text()) | changes
    for name in drop:
        del fields[name]
    (folder / "model.yaml").write_text(yaml.safe_dump(fields))
    return folder


def test_a_card_by_folder_and_by_file():
    card = load_card(TINY)
    assert card == load_card(TINY / "model.yaml")
    assert card.folder == TINY
    assert card.input_sizes == ((84, 112), (112, 84))
    assert card.tasks == ("classification", "detection", "segmentation", "navigation", "attention")
    assert card.file("onnx") == TINY / "model.onnx"


def test_tasks_are_those_with_a_trained_head_and_attention(tmp_path):
    card = load_card(write(tmp_path, trained=["navigation.collision", "segmentation", "attention"]))
    assert card.tasks == ("segmentation", "navigation", "attention")


def test_groups_survive_the_file_and_a_card_without_them_says_nothing_of_them(tmp_path):
    coarse = ("person", "thing", "thing", *["other"] * 9)
    card = load_card(write(tmp_path, coarse=list(coarse)))
    assert card.coarse == coarse
    write_card(card)
    assert load_card(tmp_path) == card
    write_card(load_card(write(tmp_path)))
    assert "coarse" not in (tmp_path / "model.yaml").read_text()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": 3}, "name is 3: give a text"),
        ({"files": []}, r"files is \(\): give a mapping"),
        ({"labels": "person"}, "labels is 'person': give a list of str"),
        ({"actions": ["a", "b", "a"]}, "actions lists a value twice"),
        ({"labels": [f"class {i}" for i in range(256)]}, "256 labels do not fit a mono8 mask"),
        ({"things": [12]}, "things names class 12, but labels has 12"),
        ({"things": [0, 0]}, "things lists a value twice: 0, 0"),
        ({"coarse": "vehicle"}, "coarse is 'vehicle': give a list of str"),
        ({"coarse": ["a", "a"]}, "coarse has 2 names of groups for 12 labels: give one for each label"),
        ({"coarse": ["a", "", *["b"] * 10]}, "coarse of vehicle is '': give the name of its group"),
        ({"coarse": ["a"] * 12, "open_vocabulary": True}, "prompts take the place of labels: leave it out"),
        ({"patch_size": 0}, "patch_size is 0"),
        ({"input_sizes": []}, "give at least one"),
        ({"input_sizes": [84, 112]}, "input_sizes holds 84"),
        ({"input_sizes": [[84, 113]]}, "84x113 is not a multiple of the patch size 14"),
        ({"input_sizes": [[0, 0]]}, "0x0 is not a multiple"),
        ({"mean": [0.5, 0.5]}, "mean is"),
        ({"mean": [0.5, 0.5, float("nan")]}, "mean is"),
        ({"std": [0.2, 0.2, 0.0]}, "std is .*: it must be positive"),
        ({"trained": ["navigation"]}, "trained lists 'navigation': choose from"),
        ({"mask_agreement": 1}, "mask_agreement is 1: give a number from 0 to less than 1"),
        ({"mask_agreement": 0.5, "trained": ["detection"]}, "mask_agreement needs a mask"),
        ({"thresholds": {"classification": 0.5}}, "thresholds lacks detection"),
        ({"thresholds": {"classification": 0.5, "detection": 3}}, "threshold 3 of detection"),
        ({"files": {"onnx": "../model.onnx"}}, "files.onnx is '../model.onnx'"),
        ({"files": {"onnx": "/etc/passwd"}}, "files.onnx is '/etc/passwd'"),
        ({"files": {"onnx": "other.onnx"}}, "sha256 lacks other.onnx"),
        ({"colour": "red"}, "unknown fields: colour"),
        ({"drop": ["labels", "std"]}, "lacks labels, std"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, changes, says):
    with pytest.raises(ValueError, match=says) as refusal:
        load_card(write(tmp_path, **changes))
    assert str(tmp_path / "model.yaml") in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "says"), [("a: [", "is not YAML"), ("- 1\n", "not list"), ("", "not NoneType")]
)
def test_a_file_that_is_no_card(tmp_path, text, says):
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(ValueError, match=says):
        load_card(tmp_path)


def test_a_card_never_builds_objects(tmp_path):
    (tmp_path / "model.yaml").write_text("name: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(ValueError, match="is not YAML"):
        load_card(tmp_path)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model card at"):
        load_card(tmp_path)
    card = load_card(write(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"model\.onnx is missing"):
        card.file("onnx")
    with pytest.raises(FileNotFoundError, match="lists no 'int8' file, only onnx, weights"):
        card.file("int8")


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.5", True, None])
def test_thresholds_out_of_range(value):
    with pytest.raises(ValueError, match="of detection is not a number from 0 to 1"):
        check_thresholds({"detection": value})


def test_thresholds():
    check_thresholds({"detection": 0, "classification": 1.0})
    with pytest.raises(ValueError, match="'segmentation': choose from classification, detection"):
        check_thresholds({"segmentation": 0.5})
