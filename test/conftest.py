"""Nothing that a test adopts or compiles goes to the user's own folders, processes share the cores, and each
test leaves ROS's environment as it found it."""

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


@pytest.fixture(autouse=True)
def _same_graph() -> Iterator[None]:
    """A test that leaves another ROS domain behind fails, not one of later files whose nodes nobody hears."""
    before = _ros_variables()
    yield
    assert _ros_variables() == before


def _ros_variables() -> dict[str, str]:
    """Those that decide which participants find each other."""
    prefixes = ("ROS_", "RMW_", "FASTDDS_", "FASTRTPS_")
    return {name: value for name, value in os.environ.items() if name.startswith(prefixes)}
