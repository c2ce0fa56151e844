"""What to install fits the Python that is running."""

import re
import sys
import sysconfig
from pathlib import Path

import pytest

from vit_perception import install_hint as hints
from vit_perception.install_hint import install_extra, install_hint, pip_install

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("managed", "in_environment", "begins"),
    [
        (False, False, "pip install './src/vit_perception[hub]', or make hub-setup"),
        (True, True, "pip install './src/vit_perception[hub]', or make hub-setup"),
        (True, False, "pip install --break-system-packages -r src/vit_perception/requirements/adopt.txt"),
    ],
)
def test_ubuntu_s_own_python_needs_a_word_more(managed, in_environment, begins, tmp_path, monkeypatch):
    if managed:
        (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", "/usr" if in_environment else sys.prefix)
    assert install_hint().startswith(begins)
    beside_apt = managed and not in_environment
    assert pip_install("torch") == f"pip install {'--break-system-packages ' if beside_apt else ''}torch"


def test_an_extra_names_a_file_that_is_there(monkeypatch):
    monkeypatch.setattr(hints, "_externally_managed", lambda: True)
    for extra in ("hub", "sim", "view"):
        command, _, file = install_extra(extra).rpartition("-r src/vit_perception/")
        assert command == "pip install --break-system-packages "
        assert (ROOT / file).is_file()


def test_nobody_else_says_how_to_install():
    """A plain `pip install` is refused by Ubuntu 24.04; that of an environment is not."""
    files = (ROOT / "vit_perception").rglob("*.py")
    assert [file.name for file in files if re.search(r"(?<!/bin/)\bpip install", file.read_text())] == [
        "install_hint.py"
    ]
