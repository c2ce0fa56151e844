"""A run of `vit-perception label`, from end to end: the same files whatever happens on the way."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip("openvino")
pytest.importorskip("onnx")
if importlib.util.find_spec("ensemble_boxes") is None:
    pytest.skip("ensemble-boxes is not installed", allow_module_level=True)

from data.teachers.tiny_teachers import write_detector, write_segmenter
from vit_perception.cli import main
from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.data.manifest import Manifest
from vit_perception.data.open import open_dataset
from vit_perception.data.writer import DatasetWriter
from vit_perception.viz.pictures import write_picture

ROOT = Path(__file__).resolve().parents[3]
PICTURES = 60
# In the place of the tiny detector, once: it kills the process that labels the picture with a mark.
KILLER = """
import os, signal
from pathlib import Path
from vit_perception.data.labelling import work

label_one = work.label_one

def killing(labeller, content, real):
    mark = Path(os.environ["TEST_KILL_ONCE"])
    if isinstance(content, bytes) and content == mark.with_suffix(".png").read_bytes() and mark.exists():
        mark.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return label_one(labeller, content, real)
"""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Pictures with bright lower halves of different colours, and one file that is none."""
    for number in range(PICTURES):
        image = np.random.default_rng(number).integers(0, 60, (48, 64, 3), np.uint8)
        image[24:, :, number % 3] += np.uint8(3 * number)
        write_picture(tmp_path / "pictures" / f"{number:02d}.png", image)
    (tmp_path / "pictures" / "07a.jpg").write_bytes(b"not a picture")
    return tmp_path / "pictures"


@pytest.fixture
def teachers(tmp_path: Path) -> list[str]:
    config = tmp_path / "config.yaml"
    config.write_text("thresholds: {accept: 0.3, reject: 0.15}\n")
    folder = tmp_path / "teachers"
    return [str(write_detector(folder)), str(write_segmenter(folder)), "--config", str(config)]


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def label(source: Path, teachers: list[str], output: Path, *more: str) -> int:
    return main(["label", str(source), "--output", str(output), *more, "--teachers", *teachers])


def command(source: Path, teachers: list[str], output: Path, *more: str) -> list[str]:
    arguments = ["label", str(source), "--output", str(output), *more, "--teachers", *teachers]
    return [sys.executable, "-m", "vit_perception.cli", *arguments]


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, **more}


def test_pictures_become_a_dataset(
    pictures: Path, teachers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert label(pictures, teachers, tmp_path / "out", "--workers", "1") == 0
    printed = capsys.readouterr()
    assert f"/out: {PICTURES}\n" in printed.out
    assert "1 could not be labelled, such as 07a: not a picture" in printed.err
    assert (tmp_path / "out" / "skipped.txt").read_text().startswith("07a: not a picture")
    dataset = open_dataset(tmp_path / "out")
    assert len(dataset) == PICTURES
    assert not list(dataset.faults())
    assert {dataset.space.names[place] for place in dataset.box_labels} == {"person", "dog"}
    assert {dataset.space.names[place] for place in dataset.mask_labels} == {"person", "dog", "grass"}
    by_name = {dataset.name(index): index for index in range(len(dataset))}
    # The mean of the red channel of this picture is 30 + 171 / 2 of 255.
    found = dataset.annotation(by_name["57"])
    assert [dataset.space.names[class_id] for class_id in found.class_ids] == ["person"]
    np.testing.assert_allclose(found.boxes, [[0, 12, 32, 36]], atol=0.1)
    np.testing.assert_allclose(found.scores, [0.453], atol=0.01)
    # Grass is where green is brightest, but for the dog that the detector then sees in the right half.
    green = dataset.annotation(by_name["58"]).semantic
    assert green is not None
    assert (green[30:, :31] == dataset.space.id_of("grass")).all()
    assert green[24, 48] == dataset.space.id_of("dog")
    record = yaml.safe_load((tmp_path / "out" / "labelling.yaml").read_text())
    assert [teacher["name"] for teacher in record["teachers"]] == ["finder", "painter"]
    assert record["config"]["thresholds"] == {"accept": 0.3, "reject": 0.15}


def test_one_worker_or_two_give_the_same_files(pictures: Path, teachers: list[str], tmp_path: Path) -> None:
    assert label(pictures, teachers, tmp_path / "one" / "set", "--workers", "1") == 0
    assert label(pictures, teachers, tmp_path / "two" / "set", "--workers", "2") == 0
    assert files(tmp_path / "one" / "set") == files(tmp_path / "two" / "set")


def test_a_killed_run_goes_on_where_it_was(
    pictures: Path, teachers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed, whole = tmp_path / "killed" / "set", tmp_path / "whole" / "set"
    journal = killed / "journal.jsonl"
    process = subprocess.Popen(
        command(pictures, teachers, killed, "--workers", "1"), env=environment(), stderr=subprocess.DEVNULL
    )
    # Killed as soon as some pictures are done. A slow start must not fail the test, a quick end must.
    deadline = time.monotonic() + 60
    while not (journal.is_file() and journal.read_bytes().count(b"\n") >= 3):
        assert process.poll() is None, "the run ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = journal.read_bytes().count(b"\n")
    assert done < PICTURES
    assert not (killed / "instances.json").exists()
    written = {file: file.stat().st_mtime_ns for file in (killed / "images").rglob("*.png")}

    assert label(pictures, teachers, killed, "--workers", "1") == 0
    assert f"Labelled already: {done}\n" in capsys.readouterr().err
    again = [file for file, when in written.items() if file.stat().st_mtime_ns != when]
    # The one that it was writing may be without its line in the journal.
    assert len(again) <= len(written) - done
    assert label(pictures, teachers, whole, "--workers", "1") == 0
    assert files(killed) == files(whole)
    # And once more, with nothing left to do.
    before = files(killed)
    assert label(pictures, teachers, killed, "--workers", "1") == 0
    assert files(killed) == before


def test_a_killed_worker_loses_nothing(pictures: Path, teachers: list[str], tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(KILLER + "work.label_one = killing\n")
    mark = tmp_path / "kill"
    mark.write_text("")
    mark.with_suffix(".png").write_bytes((pictures / "11.png").read_bytes())
    changed = environment(TEST_KILL_ONCE=str(mark))
    changed["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "site"), changed["PYTHONPATH"]])
    result = subprocess.run(
        command(pictures, teachers, tmp_path / "killed" / "set", "--workers", "2"),
        env=changed, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert not mark.exists(), "no worker was killed"
    assert label(pictures, teachers, tmp_path / "whole" / "set", "--workers", "1") == 0
    assert files(tmp_path / "killed" / "set") == files(tmp_path / "whole" / "set")


def test_a_dataset_of_other_teachers_or_of_somebody_else_is_refused(
    pictures: Path, teachers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert label(pictures / "00.png", teachers, output, "--workers", "1") == 0
    before = files(output)
    capsys.readouterr()
    assert label(pictures, teachers[:1], output, "--workers", "1") == 1
    assert "was labelled by other teachers" in capsys.readouterr().err
    assert files(output) == before
    assert label(pictures, teachers, pictures, "--workers", "1") == 1
    assert "is not empty" in capsys.readouterr().err


def test_real_labels_win(teachers: list[str], tmp_path: Path) -> None:
    manifest = Manifest(LabelSpace((Label("person"), Label("forklift"))), frozenset({0, 1}), frozenset())
    image = np.full((48, 64, 3), 190, np.uint8)
    image[:2] = 250
    with DatasetWriter(tmp_path / "mine", manifest) as writer:
        boxes = np.array([[1, 2, 9, 9], [3, 3, 20, 20]], np.float32)
        writer.add("one", image, Annotation(boxes=boxes, class_ids=np.array([1, 0])), part="val")
    assert label(tmp_path / "mine", teachers, tmp_path / "out", "--workers", "1") == 0
    dataset = open_dataset(tmp_path / "out")
    found = dataset.annotation(0)
    named = [dataset.space.names[class_id] for class_id in found.class_ids]
    # The detector's person is dropped, for people box persons; its dog is new.
    assert named == ["forklift", "person", "dog"]
    np.testing.assert_allclose(found.boxes[:2], [[1, 2, 9, 9], [3, 3, 20, 20]])
    assert {name: numbers.tolist() for name, numbers in dataset.parts.items()} == {"val": [0]}


def test_what_is_wrong_is_one_sentence(
    pictures: Path, teachers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = Path(teachers[0]).with_suffix(".yaml")
    contract.write_text(contract.read_text().replace("size: [32, 32]", "size: 32"))
    assert label(pictures, teachers, tmp_path / "out") == 1
    printed = capsys.readouterr().err.strip()
    assert "input.size is 32" in printed.splitlines()[-1]
    assert "Traceback" not in printed
    assert not (tmp_path / "out").exists()
    write_detector(Path(teachers[0]).parent)
    assert label(pictures / "07a.jpg", teachers, tmp_path / "none", "--workers", "1") == 1
    assert "no picture of" in capsys.readouterr().err
    assert label(pictures, teachers, tmp_path / "out", "--workers", "0") == 1
    assert "--workers is 0" in capsys.readouterr().err
