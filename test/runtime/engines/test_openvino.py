"""OpenVINO in a process that also handles signals."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="openvino is not installed")

from vit_perception.cards.card import load_card
from vit_perception.runtime.engines.openvino import CACHE_VARIABLE, OpenVinoEngine

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
    monkeypatch.setattr(f"{OpenVinoEngine.__module__}._LOG", logging.getLogger("of_this_test"))
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


def test_nobody_makes_a_core_of_their_own():
    files = [file for folder in ("vit_perception", "tools", "test") for file in (ROOT / folder).rglob("*.py")]
    makers = {file.name for file in files if re.search(r"openvino\.Core\(", file.read_text())}
    assert makers == {"openvino.py"}, "see shared_core: a core that ends leaves the process open to a crash"
