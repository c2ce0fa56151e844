"""Recorded datasets: what is in them, and that a run goes on where it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.rendering import need_renderer
from vit_perception.cli import main
from vit_perception.data.label_space import read_label_space
from vit_perception.data.open import open_dataset
from vit_perception.sim.record import Recording, record
from vit_perception.sim.recorder import FRAMES, record_world

SIZE = (48, 64)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*.*"))
        if path.name != "dataset.yaml"
    }


def test_a_recording_goes_on_and_gives_the_same_files(tmp_path: Path) -> None:
    need_renderer()
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert record(Recording(5, 3, ("rooms",), SIZE), whole, workers=1) == 5
    record(Recording(2, 3, ("rooms",), SIZE), parts, workers=1)
    done: list[int] = []
    assert record(Recording(5, 3, ("rooms",), SIZE), parts, workers=1, progress=done.append) == 5
    assert sum(done) == 5
    assert files_of(whole) == files_of(parts)
    dataset = open_dataset(whole)
    assert list(dataset.faults()) == []
    frames = [dataset.annotation(index) for index in range(5)]
    assert [one.navigation.frame for one in frames] == list(range(5))
    assert {one.navigation.episode for one in frames} == {"rooms-000003-0"}
    assert all(one.semantic is not None and one.depth is not None for one in frames)
    assert np.isfinite(frames[0].depth).mean() > 0.3


def test_a_world_has_so_many_frames_over_drives_to_several_goals() -> None:
    need_renderer()
    frames = list(record_world(5, "yard", SIZE, read_label_space()))
    assert len(frames) == FRAMES
    assert len({one.name for one in frames}) == FRAMES
    assert len({one.annotation.navigation.episode for one in frames}) > 1


def test_the_command_records_on_several_cores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need_renderer()
    command = (
        f"sim record --frames 2 --seed 19 --workers 2 --kinds yard --size 48 64 --output {tmp_path / 'a'}"
    )
    assert main(command.split()) == 0
    assert "2 pictures in" in capsys.readouterr().out
    assert open_dataset(tmp_path / "a").parts["val"].tolist() == [0, 1], "one world in twenty is held out"


def test_what_cannot_be_recorded() -> None:
    for values in ((0, 0), (1, -1), (1, 0, ("moon",)), (1, 0, ()), (1, 0, ("yard",), (8, 8))):
        with pytest.raises(ValueError, match=r"give at least 1 frame|unknown kind"):
            Recording(*values)
