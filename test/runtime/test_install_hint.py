"""What to install fits the Python that is running."""

import sys
import sysconfig

import pytest

from vit_perception.runtime.install_hint import install_hint


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
