"""Heat maps of pictures, through Python and through the command line."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception import cli
from vit_perception.cards.card import load_card, write_card
from vit_perception.cards.locate import DEFAULT_MODEL, find_model
from vit_perception.explain.explain import METHODS, Explainer
from vit_perception.viz.draw import contact_sheet

TINY = str(Path(__file__).parents[1] / "fixtures" / "tiny")


@pytest.fixture(scope="module")
def explainer():
    return Explainer(TINY)


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)


@pytest.mark.parametrize("size", [(60, 80), (80, 60), (31, 200), (200, 31)])
@pytest.mark.parametrize("method", METHODS)
def test_maps_cover_the_picture_alone(explainer, method, size):
    image = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    maps = explainer(image, method)
    heads = explainer.model.backbone.num_heads
    assert maps.shape == (heads if method == "heads" else 1, *size)
    assert maps.min() >= 0
    # The peak lies in the picture, whatever the padding would have had.
    assert (maps.reshape(len(maps), -1).max(axis=1) > 0.5).all()


def test_the_padding_has_no_part_in_the_scale(explainer, picture):
    """What lies beside the picture in the input may be read, but it is neither shown nor the measure."""
    wide = np.concatenate([picture, np.full((60, 400, 3), 127, np.uint8)], axis=1)
    for image in (picture, wide):
        assert explainer(image, "rollout").max() == pytest.approx(1.0, abs=0.1)


def test_each_head_is_its_own_and_the_mean_is_theirs(explainer, picture):
    heads, mean = explainer(picture, "heads"), explainer(picture, "attention")
    assert not np.allclose(heads[0], heads[1])
    assert mean.shape == (1, 60, 80)


def test_gradient_speaks_of_one_class(explainer, picture):
    labels = explainer.card.labels
    maps = [explainer(picture, "gradient", label=label) for label in labels[:2]]
    assert not np.allclose(maps[0], maps[1])


def test_gradient_explains_the_default_model(picture):
    """Its classes are read beside a detector's, on maps that a backbone gives where they are asked for."""
    maps = Explainer(find_model(DEFAULT_MODEL))(picture, "gradient", label="person")
    assert maps.shape == (1, 60, 80)
    assert maps.max() > 0.5


def test_gradient_of_a_group_is_that_of_its_most_likely_class(picture, tmp_path):
    folder = shutil.copytree(TINY, tmp_path / "grouped")
    card = load_card(folder)
    write_card(dataclasses.replace(card, coarse=("one", "one", "two", *["rest"] * 9)))
    explainer = Explainer(folder)
    found = explainer(picture, "gradient", label="one")
    single = [explainer(picture, "gradient", label=label) for label in card.labels[:3]]
    assert [np.array_equal(found, each) for each in single].count(True) == 1
    assert not np.array_equal(found, single[2])
    with pytest.raises(ValueError, match="choose from one, two, rest, person"):
        explainer(picture, "gradient", label="three")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"method": "guess"}, "unknown method 'guess': choose from attention, heads, rollout, gradient"),
        ({"method": "gradient", "label": "unicorn"}, "has no class 'unicorn': choose from"),
        ({"block": 99}, "block 99 does not exist"),
    ],
)
def test_what_cannot_be_is_refused(explainer, picture, settings, reason):
    with pytest.raises(ValueError, match=reason):
        explainer(picture, **settings)


@pytest.mark.parametrize("method", METHODS)
def test_the_command_writes_a_picture(method, picture, tmp_path, capsys):
    source, drawn = tmp_path / "photo.png", tmp_path / "new" / "drawn.png"
    cv2.imwrite(str(source), picture)
    options = ["--method", method, "--output", str(drawn), "--colour-map", "viridis", "--opacity", "0.3"]
    assert cli.main(["explain", str(source), "--model", TINY, *options]) == 0
    assert str(drawn) in capsys.readouterr().out
    shown = cv2.imread(str(drawn))
    assert shown.shape[0] % 60 == 0
    assert shown.shape[1] % 80 == 0


def test_transparency(picture, tmp_path):
    source, drawn = tmp_path / "photo.png", tmp_path / "drawn.png"
    cv2.imwrite(str(source), picture)
    assert cli.main(["explain", str(source), "--model", TINY, "--output", str(drawn), "--opacity", "0"]) == 0
    assert (cv2.imread(str(drawn)) == picture).all()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--opacity", "7"], "opacity must be between 0 and 1, not 7"),
        (["--output", "drawn.txt"], "drawn.txt does not name a picture"),
        (["--method", "rollout", "--clip", "0"], "at least 1"),
    ],
)
def test_errors_are_one_line(options, reason, picture, tmp_path, capsys):
    source = tmp_path / "photo.png"
    cv2.imwrite(str(source), picture)
    output = [] if "--output" in options else ["--output", str(tmp_path / "drawn.png")]
    assert cli.main(["explain", str(source), "--model", TINY, *output, *options]) == 1
    printed = capsys.readouterr().err
    assert reason in printed
    assert printed.count("\n") == 1


def test_without_torch_it_says_what_to_install(monkeypatch, picture, tmp_path, capsys):
    source = tmp_path / "photo.png"
    cv2.imwrite(str(source), picture)
    for name in [name for name in sys.modules if name.startswith("vit_perception.explain")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert cli.main(["explain", str(source), "--model", TINY, "--output", str(tmp_path / "a.png")]) == 1
    assert "pip install torch" in capsys.readouterr().err


def test_a_sheet_of_heads_is_filled_up():
    pictures = [np.full((4, 6, 3), value, np.uint8) for value in (1, 2, 3)]
    sheet = contact_sheet(pictures)
    assert sheet.shape == (8, 12, 3)
    assert sheet[4:, 6:].max() == 0
    assert contact_sheet(pictures[:1]).shape == (4, 6, 3)
