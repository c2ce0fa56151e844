"""Frames of drives: kept once, held out drive by drive, and drawn in windows that remember."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")

from tiny_model import tiny_card, tiny_navigator_card
from training.navigation.small_drives import write_drives
from vit_perception.data.navigation import ACTIONS
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.model import build_model
from vit_perception.runtime.preprocess import Geometry
from vit_perception.training.navigation import frames as module
from vit_perception.training.navigation.config import NavigationTraining
from vit_perception.training.navigation.drives import (
    _ends,
    drives_of,
    in_order,
    make_batch,
    split_drives,
    windows,
)
from vit_perception.training.navigation.frames import frames_of

CONFIG = NavigationTraining(NavigationConfig(history=2, width=16), window=4)
WHOLE = dataclasses.replace(CONFIG, drop_depth=0.0, drop_goal=0.0, goal_drift=0.0, drop_history=0.0)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_drives(tmp_path_factory.mktemp("worlds") / "drives")


@pytest.fixture(scope="module")
def trunk():
    torch.manual_seed(0)
    return build_model(tiny_navigator_card().architecture).eval()


@pytest.fixture(scope="module")
def frames(dataset, trunk, tmp_path_factory):
    return frames_of(dataset, trunk, tiny_card(), tmp_path_factory.mktemp("tokens"), CPU, bf16=False)


@pytest.fixture(scope="module")
def drives(frames):
    return drives_of([frames])


def test_a_frame_is_what_the_trunk_gives_of_its_picture(dataset, trunk, frames):
    assert frames.grid == (6, 8)
    assert frames.tokens.shape == (30, 49, 16)
    card = tiny_card()
    pixels, _ = module.preprocess(dataset.picture(7), card, "rgb")
    with torch.no_grad():
        features = trunk.backbone(torch.from_numpy(module.normalised(pixels, card)))
    np.testing.assert_allclose(frames.tokens[7, 0], features.cls_token[0], atol=5e-3)
    np.testing.assert_allclose(frames.tokens[7, 1:], features.patch_tokens[0], atol=5e-3)
    with torch.no_grad():
        levels = trunk.pyramid(
            trunk.backbone(torch.from_numpy(module.normalised(pixels, card)), layers=(0, 1))
        )
    np.testing.assert_allclose(
        frames.levels[7], levels[trunk.heads["navigation"].free_space.level][0], atol=5e-3
    )
    row, truth = frames.rows[7], dataset.annotation(7).navigation
    assert row["episode"].decode() == truth.episode
    assert ACTIONS[row["action"]] == truth.action
    np.testing.assert_allclose(row["path"], truth.path, atol=1e-4)
    np.testing.assert_allclose(row["free_space"], truth.free_space, atol=1e-4)


def test_depth_is_kept_to_the_millimetre_and_unknown_is_zero(dataset, frames):
    depth = frames.metres(0)
    np.testing.assert_allclose(depth[6:], dataset.annotation(0).depth[6:], atol=1e-3)
    assert not depth[:6].any()
    assert frames.metres(29) is None, "the last drive has none"


def test_nothing_is_computed_twice(dataset, trunk, tmp_path, monkeypatch):
    whole = frames_of(dataset, trunk, tiny_card(), tmp_path / "whole", CPU, bf16=False)
    real, seen = module._look, []

    def look(model, images, *others):
        seen.append(len(images))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(model, images, *others)

    monkeypatch.setattr(module, "_look", look)
    monkeypatch.setattr(module, "_SAVE_EVERY", 1)
    with pytest.raises(KeyboardInterrupt):
        frames_of(dataset, trunk, tiny_card(), tmp_path / "cut", CPU, bf16=False)
    assert seen == [8, 8, 8]
    resumed = frames_of(dataset, trunk, tiny_card(), tmp_path / "cut", CPU, bf16=False)
    assert seen == [8, 8, 8, 8, 6], "the batch that was cut off, and the rest"
    for name in ("rows", "tokens", "levels", "depth"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))
    frames_of(dataset, trunk, tiny_card(), tmp_path / "cut", CPU, bf16=False)
    assert len(seen) == 5
    other = build_model(tiny_navigator_card().architecture).eval()
    frames_of(dataset, other, tiny_card(), tmp_path / "cut", CPU, bf16=False)
    assert len(seen) == 9, "of another trunk"


def test_no_drive_is_in_two_parts(drives):
    for share in (0.001, 0.2, 0.3):
        parts = split_drives(drives, share)
        assert all(parts[part] for part in ("train", "report", "choose"))
        names = [drive.name for found in parts.values() for drive in found]
        assert sorted(names) == [drive.name for drive in drives]
    with pytest.raises(ValueError, match="drives in 2 worlds are too few"):
        split_drives(drives[:2], 0.2)


def test_more_drives_move_none_to_another_part(drives):
    many = [dataclasses.replace(drives[0], world=str(number)) for number in range(400)]
    parts = [
        {drive.world: part for part, found in split_drives(some, 0.1).items() for drive in found}
        for some in (many[:200], many)
    ]
    assert parts[0].items() <= parts[1].items()
    counts = [list(parts[1].values()).count(part) for part in ("report", "choose")]
    assert all(20 < count < 60 for count in counts)


def test_a_world_that_the_dataset_holds_out_does_not_train(trunk, tmp_path):
    """Its pictures have one folder, and its drives one part."""
    folder = tmp_path / "held"
    dataset = write_drives(folder, drives=8, frames=2, folders=True, held=(5, 6))
    drives = drives_of([frames_of(dataset, trunk, tiny_card(), tmp_path / "tokens", CPU, bf16=False)])
    assert {drive.name: drive.world for drive in drives} == {
        f"drive {drive}": f"world{drive // 2}" for drive in range(8)
    }
    parts = split_drives(drives, 0.1)
    worlds = {part: {drive.world for drive in found} for part, found in parts.items()}
    assert worlds["train"] == {"world0", "world1"}
    assert worlds["choose"] | worlds["report"] == {"world2", "world3"}
    assert all(len(found) % 2 == 0 for found in parts.values())


def test_a_frame_remembers_those_of_its_own_drive(drives):
    chosen = [(drive, drive.places.tolist()) for drive in drives[:2]]
    batch = make_batch(chosen, CONFIG.model)
    assert batch.history.tolist() == [
        *([-1, -1], [-1, 0], [0, 1], [1, 2], [2, 3], [3, 4]),
        *([-1, -1], [-1, 6], [6, 7], [7, 8], [8, 9], [9, 10]),
    ]


def test_frames_of_a_fast_recording_are_an_interval_apart(trunk, tmp_path):
    dataset = write_drives(tmp_path / "fast", frames=12, rate=10.0)
    frames = frames_of(dataset, trunk, tiny_card(), tmp_path / "tokens", CPU, bf16=False)
    drive = drives_of([frames])[0]
    thinned = drive.thinned(1, 0.2, 3)
    assert frames.rows["seconds"][thinned].round(2).tolist() == [0.1, 0.3, 0.5]


def test_a_batch_has_the_truth_and_the_goal(drives):
    (batch,) = in_order(drives[:1], CONFIG.model, 64)
    rows = drives[0].frames.rows[drives[0].places]
    assert batch.action.tolist() == rows["action"].tolist()
    np.testing.assert_allclose(batch.scan, rows["scan"])
    np.testing.assert_allclose(batch.goal[:, 0], 4.0)
    np.testing.assert_allclose(batch.goal[:, 1], np.sin(rows["goal"][:, 1]), atol=1e-6)
    assert batch.depth.shape == (6, 1, 84, 112)
    assert (batch.depth[:, :, 20:].amin(dim=(1, 2, 3)) > 0).all()
    assert [len(each.action) for each in in_order(drives[:2], CONFIG.model, 4)] == [4, 2, 4, 2]


def test_every_batch_has_as_many_frames(drives):
    long = dataclasses.replace(CONFIG, window=9)  # longer than a drive
    for config, seed in ((CONFIG, 0), (CONFIG, 1), (long, 2)):
        batch = windows(drives, config, 3, np.random.default_rng(seed))
        assert len(batch.action) == 3 * config.window


def test_the_same_step_is_the_same_batch(drives):
    first, second, other = (windows(drives, CONFIG, 3, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.tokens, second.tokens)
    assert torch.equal(first.history, second.history)
    assert not torch.equal(first.tokens, other.tokens)


def test_something_is_missing_now_and_then(drives):
    config = dataclasses.replace(CONFIG, drop_depth=0.3, drop_goal=0.3, drop_history=0.3)
    rng = np.random.default_rng(0)
    with_depth = [drive for drive in drives if drive.frames.rows["sees"][drive.places].all()]
    batch = windows(with_depth, config, 100, rng)
    blind = batch.depth.flatten(1).amax(dim=1) == 0
    assert 0.3 < blind.float().mean() < 0.6
    goalless = batch.goal[:, 3] == 0
    assert 0.15 < goalless.float().mean() < 0.45
    assert torch.equal(goalless, batch.goal_distance.isnan())
    whole = windows(with_depth, WHOLE, 100, np.random.default_rng(0))
    assert not (whole.depth.flatten(1).amax(dim=1) == 0).any()
    assert whole.goal[:, 3].all()
    assert (whole.history >= 0).float().mean() > 1.3 * (batch.history >= 0).float().mean()


def test_a_goal_is_where_odometry_that_drifts_has_it(drives):
    """At one place for a window, and nowhere else if nothing drifts. All goals are 4 m away."""
    drifting = dataclasses.replace(WHOLE, goal_drift=0.3)
    true, found = (windows(drives, each, 200, np.random.default_rng(0)).goal for each in (WHOLE, drifting))
    offset = found[:, :1] * found[:, [2, 1]] - true[:, :1] * true[:, [2, 1]]
    assert torch.equal(true[:, 0], torch.full((800,), 4.0))
    assert torch.allclose(found[:, 1] ** 2 + found[:, 2] ** 2, torch.ones(800))
    np.testing.assert_allclose(offset.mean(dim=0), 0.0, atol=0.06)
    np.testing.assert_allclose(offset.std(dim=0), 0.3, atol=0.05)
    assert (offset.diff(dim=0).norm(dim=1) < 1e-4).float().mean() > 0.5, "it is constant in a window"


def test_pictures_without_drives_are_refused(trunk, tmp_path):
    from training.navigation.small_drives import SPACE
    from vit_perception.data.annotation import Annotation
    from vit_perception.data.manifest import Manifest
    from vit_perception.data.open import open_dataset
    from vit_perception.data.writer import DatasetWriter

    with DatasetWriter(tmp_path / "set", Manifest(SPACE, frozenset(), frozenset())) as writer:
        writer.add("a", np.zeros((60, 80, 3), np.uint8), Annotation())
    with pytest.raises(ValueError, match=r"has no navigation\.jsonl of drives"):
        frames_of(open_dataset(tmp_path / "set"), trunk, tiny_card(), tmp_path / "tokens", CPU)
    with DatasetWriter(tmp_path / "two", Manifest(SPACE, frozenset(), frozenset())) as writer:
        writer.add("a", np.zeros((60, 80, 3), np.uint8), Annotation())
        writer.add("b", np.zeros((80, 60, 3), np.uint8), Annotation())
    with pytest.raises(ValueError, match="record drives in one size"):
        frames_of(open_dataset(tmp_path / "two"), trunk, tiny_card(), tmp_path / "tokens", CPU)


def test_ends_of_free_ground_are_of_the_input():
    """A picture with padding below it: its bottom is not that of the input, nor are its columns."""
    geometry = Geometry(source=(60, 80), content=(60, 60), input=(120, 80))
    rows = np.linspace(0.25, 0.75, 24, dtype=np.float32)
    found = _ends(rows, geometry, 8)
    assert np.isnan(found[6:]).all(), "these columns are padding"
    middles = (np.arange(6) + 0.5) / 6
    np.testing.assert_allclose(found[:6], (0.25 + 0.5 * middles) / 2, atol=0.012)
