"""examples/blur_people.py on a recorded bag whose pictures are known."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
for _module in ("vision_msgs", "tf2_msgs", "rosbags.rosbag2"):
    pytest.importorskip(_module, reason=f"needs {_module}")
pytest.importorskip("openvino", reason="needs an engine: make setup installs it")

from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import CompressedImage, Image

from examples.recorded import BODY, picture, record
from vit_perception.nodes.images import codec

SCRIPT = Path(__file__).parents[2] / "examples" / "blur_people.py"
PAINTER = Path(__file__).parents[1] / "fixtures" / "tiny_painter"


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("recorded") / "drive")


@pytest.fixture(scope="module")
def blurred(bag: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The bag without people, and what was said; the painter takes what is red for one."""
    folder = tmp_path_factory.mktemp("blurred")
    model = Path(shutil.copytree(PAINTER, folder / "painter"))
    card = model / "model.yaml"
    swap = {"- person": "- furniture", "- furniture": "- person"}
    card.write_text("\n".join(swap.get(line, line) for line in card.read_text().splitlines()))
    command = [sys.executable, str(SCRIPT), str(bag), str(folder / "bag"), str(model)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return folder / "bag", done.stderr


def read(bag: Path, choose: Callable[[str], bool]) -> list[tuple[str, int, bytes]]:
    with Reader(bag) as reader:
        messages = [(each.topic, when, bytes(data)) for each, when, data in reader.messages()]
    return [each for each in messages if choose(each[0])]


def pixels(bag: Path, topic: str) -> list[np.ndarray]:
    kind, decode = (
        (CompressedImage, codec.decode_compressed) if "compressed" in topic else (Image, codec.decode)
    )
    found = [deserialize_message(data, kind) for _, _, data in read(bag, lambda name: name == topic)]
    return [np.asarray(decode(each, "rgb8")).astype(int) for each in found]


def test_people_are_blurred_and_all_else_is_the_same(bag: Path, blurred: tuple[Path, str]) -> None:
    left, top, right, bottom = BODY
    inside = slice(top + 12, bottom - 12), slice(left + 12, right - 12)
    outside = np.ones((120, 160), bool)
    outside[top - 16 : bottom + 16, left - 16 : right + 16] = False
    nobody, somebody = pixels(blurred[0], "/image")
    np.testing.assert_array_equal(nobody, picture(False))
    before = picture(True).astype(int)
    assert before[inside].std(axis=(0, 1)).min() > 4
    assert somebody[inside].std(axis=(0, 1)).max() < 1
    np.testing.assert_array_equal(somebody[outside], before[outside])
    nobody, somebody = pixels(blurred[0], "/image/compressed")
    np.testing.assert_array_equal(nobody, pixels(bag, "/image/compressed")[0])
    assert somebody[inside].std(axis=(0, 1)).max() < 2
    assert abs(somebody - pixels(bag, "/image/compressed")[1])[outside].mean() < 3


def test_what_is_no_picture_is_copied_and_what_cannot_be_read_left_out(
    bag: Path, blurred: tuple[Path, str]
) -> None:
    def others(topic: str) -> bool:
        return topic not in ("/image", "/image/compressed", "/broken")

    assert read(blurred[0], others) == read(bag, others)
    assert not read(blurred[0], lambda topic: topic == "/broken")
    assert "/broken: left out" in blurred[1]
    with Reader(bag) as one, Reader(blurred[0]) as other:
        for topic in ("/label_info", "/odom"):
            before, after = (reader.topics[topic].connections[0] for reader in (one, other))
            assert (before.msgtype, before.digest) == (after.msgtype, after.digest)
            assert before.ext.offered_qos_profiles == after.ext.offered_qos_profiles
