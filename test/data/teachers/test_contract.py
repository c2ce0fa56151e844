"""A contract is refused in one sentence that names the file and the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from vit_perception.data.teachers.contract import read_contract
from vit_perception.data.teachers.find import KNOWN, find_teacher

GOOD = """
teacher: some.onnx
labels: [cat, dog]
input: {size: [32, 48], fit: letterbox}
output: {kind: yolox, strides: [8]}
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "some.yaml"
    file.write_text(text)
    return file


def test_a_contract_is_read_with_its_defaults(tmp_path: Path) -> None:
    contract = read_contract(write(tmp_path, GOOD))
    assert contract.labels == ("cat", "dog")
    assert contract.input.size == (32, 48)
    assert (contract.input.layout, contract.input.channels, contract.input.std) == ("NCHW", "RGB", (1.0,))
    assert contract.output.count == 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("teacher: some.onnx", "teacher: some.pt", "ends in .onnx or .tflite"),
        ("teacher: some.onnx", "", "lacks teacher"),
        ("labels: [cat, dog]", "labels: []", "1 to 255 names"),
        ("labels: [cat, dog]", "labels: [cat, 3]", "label 3 is no name"),
        ("labels: [cat, dog]", "labels: [cat, ~]", "only a class_map"),
        ("size: [32, 48]", "size: 32", "height and width"),
        ("fit: letterbox", "fit: crop", "stretch, letterbox"),
        ("fit: letterbox", "dtype: uint8, std: 255", "leave them out"),
        ("fit: letterbox", "std: 0", "numbers over 0"),
        ("fit: letterbox", "padding: 300", "0 to 255"),
        ("fit: letterbox", "colour: RGB", "unknown field colour"),
        ("kind: yolox", "kind: yolo", "boxes, yolox, picodet, class_map"),
        ("kind: yolox, strides: [8]", "kind: yolox", "needs output.strides"),
        ("kind: yolox, strides: [8]", "kind: boxes, strides: [8]", "has no output.strides"),
        ("strides: [8]", "strides: [8], names: [a, b]", "yolox has 1 outputs"),
        ("output: {kind: yolox, strides: [8]}", "output: yolox", "output is no mapping"),
        ("labels: [cat, dog]", "labels: [cat", "is not YAML"),
    ],
)
def test_a_wrong_contract_is_refused_in_one_sentence(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in GOOD
    file = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ValueError, match=reason) as caught:
        read_contract(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_labels_may_be_a_file(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD.replace("[cat, dog]", "names.txt"))
    with pytest.raises(FileNotFoundError, match=r"names\.txt"):
        read_contract(file)
    (tmp_path / "names.txt").write_text("cat\nhot dog\n")
    assert read_contract(file).labels == ("cat", "hot dog")


def test_the_contracts_of_the_package_are_right() -> None:
    contracts = {file.stem: read_contract(file) for file in KNOWN.glob("*.yaml")}
    assert sorted(contracts) == [
        "deeplabv3_voc",
        "deimv2_femto",
        "mosaic_r4",
        "picodet_s_416",
        "yolox_nano",
    ]
    for name, contract in contracts.items():
        assert Path(contract.file).stem == name
        assert contract.licence == "Apache-2.0"
    assert {len(contracts[name].labels) for name in ("deimv2_femto", "picodet_s_416", "yolox_nano")} == {80}
    assert (len(contracts["mosaic_r4"].labels), len(contracts["deeplabv3_voc"].labels)) == (32, 21)


def test_a_file_needs_a_contract(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no teacher .*absent\.onnx"):
        find_teacher(str(tmp_path / "absent.onnx"))
    file = tmp_path / "lonely.onnx"
    file.write_bytes(b"not a model")
    with pytest.raises(FileNotFoundError, match=r"needs a contract.*lonely\.yaml"):
        find_teacher(str(file))
    known = tmp_path / "yolox_nano.onnx"
    known.write_bytes(b"not a model")
    found = find_teacher(str(known))
    assert found.contract == read_contract(KNOWN / "yolox_nano.yaml")
    (tmp_path / "yolox_nano.yaml").write_text(GOOD)
    beside = find_teacher(str(known)).contract
    assert beside is not None
    assert beside.labels == ("cat", "dog")
