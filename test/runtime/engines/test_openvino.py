"""OpenVINO in a process that also handles signals."""

import dataclasses
import gc
import logging
import re
import resource
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="openvino is not installed")

from runtime.test_malloc import resident_kb
from vit_perception.cards.card import load_card
from vit_perception.export.examples import example_inputs
from vit_perception.runtime.engines import cache
from vit_perception.runtime.engines.cache import CACHE_VARIABLE
from vit_perception.runtime.engines.openvino import OpenVinoEngine

ROOT = Path(__file__).parents[3]
TINY = ROOT / "test" / "fixtures" / "tiny"

# Two models are loaded, as in a node with a model for each task, and dropped in the order of their loading.
CODE = """
import gc, os, signal, sys
from vit_perception.cards.card import load_card
from vit_perception.runtime.engines.openvino import OpenVinoEngine

signal.signal(signal.SIGTERM, lambda *_: print("handled"))
first = OpenVinoEngine(load_card(sys.argv[1]), "fp32", cached=False)
second = OpenVinoEngine(load_card(sys.argv[1]), "fp32", cached=False)
del first
gc.collect()
del second
gc.collect()
os.kill(os.getpid(), signal.SIGTERM)
print("alive")
"""


def test_a_signal_after_models_were_dropped_is_handled():
    result = subprocess.run([sys.executable, "-c", CODE, str(TINY)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["handled", "alive"]


def test_a_home_that_cannot_be_written_is_no_error(tmp_path, monkeypatch, caplog):
    # A library of another test may have switched off the loggers that it found.
    monkeypatch.setattr(f"{cache.__name__}._LOG", logging.getLogger("of_this_test"))
    caplog.set_level(logging.WARNING)
    (tmp_path / "home").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (CACHE_VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    card = load_card(TINY)
    assert OpenVinoEngine(card)(np.zeros((1, *card.input_sizes[0], 3), np.uint8))
    assert (
        f"{tmp_path / 'home' / '.cache' / 'vit_perception'} cannot be made (Not a directory)" in caplog.text
    )
    assert "set VIT_PERCEPTION_CACHE" in caplog.text


def test_a_full_disk_is_no_error_and_nothing_cut_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    card = load_card(TINY)
    black = np.zeros((1, *card.input_sizes[0], 3), np.uint8)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))  # for a writer, as a full disk
    try:
        found = OpenVinoEngine(card, "fp32")(black)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())
    again = OpenVinoEngine(card, "fp32")(black)
    assert list(tmp_path.iterdir())
    for name, values in found.items():
        np.testing.assert_array_equal(values, again[name])


def test_a_spoilt_file_is_not_taken_for_a_model(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    card = load_card(TINY)
    image = np.random.default_rng(0).integers(0, 256, (1, *card.input_sizes[0], 3), np.uint8)
    expected = OpenVinoEngine(card, "fp32")(image)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    middle = len(whole) // 2
    for spoilt in (b"", whole[:middle], whole[:middle] + bytes([255 - whole[middle]]) + whole[middle + 1 :]):
        path.write_bytes(spoilt)
        for _ in range(2):  # compiled anew, then from the new file
            engine = OpenVinoEngine(card, "fp32")
            for _ in range(3):
                for name, values in engine(image).items():
                    np.testing.assert_array_equal(values, expected[name])
        assert list(tmp_path.iterdir()) == [path]
        assert path.stat().st_size > middle


def test_another_model_is_another_file(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    card = load_card(TINY)
    black = np.zeros((1, *card.input_sizes[0], 3), np.uint8)
    changed = dataclasses.replace(card, sha256=dict.fromkeys(card.sha256, 64 * "0"))
    darker = dataclasses.replace(card, mean=(0.1, 0.1, 0.1))
    few = {"classification"}
    for count, engine in enumerate(
        (
            OpenVinoEngine(card, "fp32"),
            OpenVinoEngine(changed, "fp32"),
            OpenVinoEngine(darker, "fp32"),
            OpenVinoEngine(card, "fp32", outputs=few),
        ),
        1,
    ):
        found = engine(black)
        assert len(list(tmp_path.iterdir())) == count
    assert found.keys() == few


def test_what_is_mapped_of_a_file_leaves_the_memory(tmp_path, monkeypatch):
    """The default model, whose file has 30 MB; what the compiled one needs of it, it reads again."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    card = load_card(ROOT / "models" / "robot_vit_s14")
    engine = OpenVinoEngine(card, "fp32", outputs={"classification"})
    image = np.zeros((1, *card.input_sizes[0], 3), np.uint8)
    for _ in range(3):
        engine(image, extra=example_inputs(card, 1, card.input_sizes[0]))
    (path,) = tmp_path.iterdir()
    assert resident_kb(path.name) * 1024 < path.stat().st_size / 2


def test_an_engine_ends_with_its_last_user():
    """Not when Python next looks for cycles, on whichever thread that is: a model is a hundred megabytes."""
    card = load_card(TINY)
    engine = OpenVinoEngine(card, "fp32", cached=False)
    engine(np.zeros((1, *card.input_sizes[0], 3), np.uint8))
    ended = weakref.ref(engine)
    gc.disable()
    try:
        del engine
        assert ended() is None
    finally:
        gc.enable()


def test_nobody_makes_a_core_of_their_own():
    files = [file for folder in ("vit_perception", "tools", "test") for file in (ROOT / folder).rglob("*.py")]
    makers = {file.name for file in files if re.search(r"openvino\.Core\(", file.read_text())}
    assert makers == {"openvino_compiler.py"}, (
        "see shared_core: a core that ends leaves the process open to a crash"
    )
