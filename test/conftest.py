"""Nothing that a test adopts or compiles goes to the user's own folders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path_factory.mktemp("models")))
        patch.setenv("VIT_PERCEPTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
