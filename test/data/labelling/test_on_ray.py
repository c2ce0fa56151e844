"""A local cluster of Ray writes the same files as one process, also when an actor is killed."""

from __future__ import annotations

import importlib.util
import os
import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ray", reason="Ray is an extra: pip install -r requirements/ray.txt")
pytest.importorskip("openvino")
pytest.importorskip("onnx")
if importlib.util.find_spec("ensemble_boxes") is None:
    pytest.skip("ensemble-boxes is not installed", allow_module_level=True)

from data.teachers.tiny_teachers import write_detector, write_segmenter
from vit_perception.data.label_space import read_label_space
from vit_perception.data.labelling.config import LabellingConfig, Thresholds
from vit_perception.data.labelling.labeller import LabellerSource
from vit_perception.data.labelling.open_source import open_source
from vit_perception.data.labelling.run import label
from vit_perception.data.teachers.find import find_teacher
from vit_perception.viz.pictures import write_picture

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _no_trace_of_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    # Actors are processes that import this package. In other modes, Ray writes a token into the home.
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    for name, value in {
        "PYTHONPATH": path,
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }.items():
        monkeypatch.setenv(name, value)


def actors() -> list[int]:
    """Process ids of the actors of this process's cluster: children of its children."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (
                folder.joinpath("cmdline").read_bytes().startswith(b"ray::_Worker")
                and parent(parent(int(folder.name))) == os.getpid()
            ):
                found.append(int(folder.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def test_the_same_files_although_an_actor_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        image = np.random.default_rng(number).integers(0, 200, (48, 64, 3), np.uint8)
        write_picture(tmp_path / "pictures" / f"{number:02d}.png", image)
    (tmp_path / "pictures" / "07a.png").write_bytes(b"not a picture")
    pictures, space = open_source(tmp_path / "pictures", read_label_space())
    files = (write_detector(tmp_path / "teachers"), write_segmenter(tmp_path / "teachers"))
    teachers = tuple(find_teacher(str(file)) for file in files)
    source = LabellerSource(teachers, space, LabellingConfig(Thresholds(0.3, 0.1)))
    label(pictures, source, tmp_path / "one" / "set", workers=1)

    victims: list[int] = []

    def kill_one(count: int) -> None:
        """After the fifth picture, one of the actors."""
        del count
        progressed.append(1)
        if len(progressed) == 5:
            victims.append(actors()[0])
            os.kill(victims[0], signal.SIGKILL)

    progressed: list[int] = []
    outcome = label(pictures, source, tmp_path / "two" / "set", workers=2, ray="local", progress=kill_one)
    assert victims
    assert (outcome.labelled, list(outcome.skipped)) == (30, ["07a"])
    one, two = (
        {file.name: file.read_bytes() for file in (tmp_path / name).rglob("*") if file.is_file()}
        for name in ("one", "two")
    )
    assert one == two


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", np.full((48, 64, 3), 200, np.uint8))
    pictures, space = open_source(tmp_path / "a.png", read_label_space())
    source = LabellerSource((find_teacher(str(write_detector(tmp_path))),), space, LabellingConfig())
    with pytest.raises(RuntimeError, match="there is no Ray cluster at auto"):
        label(pictures, source, tmp_path / "out", ray="auto")
