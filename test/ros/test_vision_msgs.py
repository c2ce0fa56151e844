"""vision_msgs, built here or from a distribution, is the one that every robot has: 4.1.1."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MESSAGES: dict[str, dict] = json.loads((ROOT / "test/fixtures/vision_msgs-4.1.1.json").read_text())[
    "messages"
]
SOURCES = ROOT / "interfaces/vision_msgs/msg"
DEADLINE_SECONDS = 60.0


@pytest.fixture(scope="module")
def type_hashes() -> Iterator[dict[str, str]]:
    """Message name → type hash, as a participant announces it to the others."""
    rclpy = pytest.importorskip("rclpy")
    vision_msgs = pytest.importorskip("vision_msgs.msg")
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("type_hashes", context=context)
    try:
        topics = {name: f"type_hashes/{name}" for name in MESSAGES}
        for name, topic in topics.items():
            node.create_publisher(getattr(vision_msgs, name), topic, 1)
        hashes: dict[str, str] = {}
        end = time.monotonic() + DEADLINE_SECONDS
        while len(hashes) < len(topics) and time.monotonic() < end:
            for name, topic in topics.items():
                for publisher in node.get_publishers_info_by_topic(topic):
                    hashes[name] = str(publisher.topic_type_hash)
            time.sleep(0.05)
        yield hashes
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)


@pytest.mark.parametrize("name", MESSAGES)
def test_type_hash(name: str, type_hashes: dict[str, str]) -> None:
    assert type_hashes[name] == MESSAGES[name]["type_hash"]


def test_there_are_no_other_messages() -> None:
    vision_msgs = pytest.importorskip("vision_msgs.msg")
    built = {name for name in vars(vision_msgs) if re.match(r"[A-Z]", name)}
    assert built == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_source_has_the_listed_fields(name: str) -> None:
    lines = [line.split("#")[0].split() for line in (SOURCES / f"{name}.msg").read_text().splitlines()]
    fields = [{"type": words[0], "name": words[1]} for words in lines if words]
    assert fields == MESSAGES[name]["fields"]
