"""Mapped files leave memory, and are read again."""

import os
import platform
import sys
from pathlib import Path

import numpy as np
import pytest

from vit_perception.runtime.malloc import page_out

SIZE = 4 << 20


def resident_kb(name):
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    next(line for line in lines if line.endswith(name))
    return int(next(line for line in lines if line.startswith("Rss:")).split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif(
    [int(each) for each in platform.release().split(".")[:2] if each.isdigit()] < [5, 4],
    reason="this kernel has no MADV_PAGEOUT",
)
def test_a_mapped_file_leaves_memory_and_is_read_again(tmp_path):
    data = np.tile(np.arange(256, dtype=np.uint8), SIZE // 256)
    for name in ("forgotten", "kept"):
        data.tofile(tmp_path / name)
        with open(tmp_path / name, "rb") as file:
            os.fsync(file.fileno())
    forgotten, kept = (np.memmap(tmp_path / name, np.uint8, "c") for name in ("forgotten", "kept"))
    assert (forgotten == kept).all()
    page_out(forgotten.ctypes.data, forgotten.ctypes.data + SIZE)
    assert resident_kb("forgotten") == 0
    assert resident_kb("kept") == SIZE // 1024
    assert (forgotten == data).all()


@pytest.mark.skipif(sys.platform != "linux", reason="maps memory of its own")
def test_what_was_written_is_not_lost(tmp_path):
    np.zeros(SIZE, np.uint8).tofile(tmp_path / "file")
    values = np.memmap(tmp_path / "file", np.uint8, "c")
    values[: SIZE // 2] = 7
    page_out(values.ctypes.data, values.ctypes.data + SIZE)
    assert (values[: SIZE // 2] == 7).all()
    assert not values[SIZE // 2 :].any()
