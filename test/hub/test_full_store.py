"""A store that has no room, or takes nothing, and what is said of it."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="public models are adopted with torch")
transformers = pytest.importorskip("transformers", reason="the model's library, a test dependency")
pytest.importorskip("huggingface_hub", reason="the hub's client, a test dependency")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

from hub.refusal import refusal
from hub.server import Hub


@pytest.fixture
def small_disk(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A store on a disk of its own, made with these options of tmpfs."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True
        )
        if mounted.returncode:
            pytest.skip("may not mount a disk here")
        monkeypatch.setenv("VIT_PERCEPTION_MODELS", str(place))
        return place

    yield mount
    subprocess.run(["umount", str(place)], capture_output=True)


def test_a_disk_without_room_is_seen_before(hub: Hub, small_disk: Callable[[str], Path]) -> None:
    place = small_disk("size=64k")
    said = refusal()
    assert f"hf:org/tiny needs 0.3 MB in {place}, which has 0.1 MB free: make room, or set VIT" in said
    assert not hub.downloaded()


def test_a_disk_that_fills_up(tiny: Path, small_disk: Callable[[str], Path]) -> None:
    place = small_disk("size=64k")
    said = refusal(str(tiny))
    assert said.startswith(
        f"the disk of {place} takes no more (No space left on device): make room, or set VIT"
    )


def test_a_disk_that_is_full_when_the_graph_is_written(tiny: Path, small_disk: Callable[[str], Path]) -> None:
    weights = (tiny / "model.safetensors").stat().st_size
    place = small_disk(f"size={weights // 4096 * 4 + 20}k")
    assert f"the disk of {place} takes no more" in refusal(str(tiny))


def test_a_disk_that_may_not_be_written(small_disk: Callable[[str], Path]) -> None:
    place = small_disk("ro")
    assert refusal() == (
        f"{place} cannot be written (Read-only file system): set VIT_PERCEPTION_MODELS to a folder elsewhere"
    )


def test_a_limit_that_a_download_exceeds(hub: Hub) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        said = refusal()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "takes no more (File too large): make room, or set VIT_PERCEPTION_MODELS" in said
