"""Nothing that a test adopts or compiles goes to the user's own folders, and processes share the cores."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

# Before torch is imported: with a thread for each core, processes side by side wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path_factory.mktemp("models")))
        patch.setenv("VIT_PERCEPTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
