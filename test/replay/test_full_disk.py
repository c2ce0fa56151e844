"""A disk that fills up while a replay is recorded: it is named, and what was recorded can be read."""

import json
import os
import resource
import subprocess
from pathlib import Path

import pytest
from rosbags.rosbag2 import Reader

from replay.material import write_photos
from replay.test_live_replay import DEADLINE, PER_FRAME, command
from vit_perception.nodes.outputs.topics import Qos
from vit_perception.replay import definitions
from vit_perception.replay.cdr import IMAGE
from vit_perception.replay.disk import DiskFull, names_a_full_disk
from vit_perception.replay.recorder import Recorder
from vit_perception.runtime.whole_file import write_whole

pytest.importorskip("rclpy", reason="replay needs ROS")
pytest.importorskip("vision_msgs", reason="the nodes need vision_msgs")

# As an ordinary user, with a file system of our own.
NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


@pytest.fixture
def small_files():
    """Files cannot grow beyond this many bytes: for a writer, as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = 6 << 20
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    yield most
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _can_mount(folder):
    try:
        done = subprocess.run(
            [*NAMESPACE, f"mount -t tmpfs tmpfs '{folder}'"], capture_output=True, check=False
        )
    except FileNotFoundError:
        return False
    return done.returncode == 0


@pytest.mark.parametrize("size", [200, 300_000], ids=["small messages", "large messages"])
def test_a_bag_that_cannot_grow_is_complete(tmp_path, small_files, size):
    try:
        definitions.definition(IMAGE)
    except FileNotFoundError as error:
        pytest.skip(f"message definitions are not installed: {error}")
    path, written = tmp_path / "results.mcap", []

    def record_until_full():
        with Recorder(path) as recorder:
            recorder.add_topic("/image", IMAGE, Qos())
            while True:
                noise = os.urandom(size)
                recorder.write("/image", noise, log_ns=len(written), publish_ns=0)
                written.append(noise)

    with pytest.raises(DiskFull, match="the disk is full"):
        record_until_full()
    assert 1 << 20 < path.stat().st_size < small_files
    for bag in (path, tmp_path):
        with Reader(bag) as reader:
            assert [bytes(data) for _, _, data in reader.messages()] == written


def test_a_file_is_whole_or_not_there(tmp_path, small_files):
    write_whole(tmp_path / "small", bytes(small_files))
    path = tmp_path / "large"
    full = pytest.raises(DiskFull, match=r"the disk is full: no room for .*large \(File too large\)")
    with full, names_a_full_disk(path):
        write_whole(path, bytes(small_files + 1))
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def _replay_on_small_disk(tmp_path, megabytes, *arguments):
    """Run the command into a file system of this size, which it fills; return its stderr, and the folder that
    has what it leaves."""
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    if not _can_mount(disk):
        pytest.skip("no file system can be mounted here: that needs unshare and user namespaces")
    photos = write_photos(tmp_path / "photos", 60)
    words = [f"'{word}'" for word in map(str, command(photos, disk / "out", *arguments))]
    script = (
        f"mount -t tmpfs -o size={megabytes}m tmpfs '{disk}' && {' '.join(words)}; code=$?; "
        f"cp -r '{disk}/out' '{kept}'; exit $code"
    )
    done = subprocess.run(
        [*NAMESPACE, script], capture_output=True, text=True, timeout=3 * DEADLINE, check=False
    )
    assert done.returncode == 1
    assert "the disk is full: no room for" in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr, kept


@pytest.mark.live
def test_a_replay_onto_a_full_disk_keeps_what_it_has(tmp_path):
    errors, kept = _replay_on_small_disk(tmp_path, 5)
    assert "what was recorded is in" in errors
    summary = json.loads((kept / "summary.json").read_text())
    with Reader(kept) as reader:
        counts = {topic: info.msgcount for topic, info in reader.topics.items()}
    assert 0 < summary["frames_in"] == counts["/image"] < 60
    assert {name: summary["topics"][name]["count"] for name in PER_FRAME} == {
        name: counts[name] for name in PER_FRAME
    }


@pytest.mark.live
def test_a_disk_that_is_full_from_the_start(tmp_path):
    errors, kept = _replay_on_small_disk(tmp_path, 1)
    assert "nothing was recorded yet" in errors
    assert not (Path(kept) / "results.mcap").exists()
