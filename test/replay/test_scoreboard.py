"""Counting frames and answers."""

import json

import pytest

from vit_perception.replay.scoreboard import Scoreboard, table
from vit_perception.replay.sources import Frame

TYPES = {"/b": "pkg/msg/B", "/a": "pkg/msg/A", "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray"}
MS = 1_000_000


def make_board():
    return Scoreboard(TYPES, ["/a", "/b"])


def test_frame_is_processed_when_every_expected_topic_answered():
    board = make_board()
    first = board.send(Frame("one", b""), 1000 * MS, 0)
    second = board.send(Frame("two", b""), 2000 * MS, 0)
    assert board.receive("/a", 1000 * MS, 1010 * MS) is first
    assert not first.answered
    board.receive("/b", 1000 * MS, 1030 * MS)
    board.receive("/a", 2000 * MS, 2020 * MS)
    board.receive("/diagnostics", None, 2021 * MS)
    assert first.answered
    assert board.unanswered == [second]
    assert second.missing == {"/b"}
    assert board.names == ["one", "two"]
    summary = board.summary()
    assert (summary["frames_in"], summary["frames_processed"], summary["dropped"]) == (2, 1, 1)
    assert list(summary["topics"]) == sorted(TYPES)
    assert summary["topics"]["/a"] == {
        "type": "pkg/msg/A",
        "count": 2,
        "hz": round(1000 / 1010, 2),
        "latency_ms": {"p50": 15.0, "p99": 19.9},
    }
    assert summary["topics"]["/b"]["hz"] is None
    assert summary["topics"]["/diagnostics"]["latency_ms"] == {"p50": None, "p99": None}


def test_unknown_stamps_count_but_answer_nothing():
    board = make_board()
    sent = board.send(Frame("one", b""), 1000, 0)
    assert board.receive("/a", 999, 2000) is None
    assert sent.missing == {"/a", "/b"}
    assert board.summary()["topics"]["/a"]["count"] == 1


def test_same_stamp_twice_is_refused():
    board = make_board()
    board.send(Frame("one", b""), 1000, 0)
    with pytest.raises(ValueError, match="1000"):
        board.send(Frame("two", b""), 1000, 0)


def test_recorded_frames_keep_their_timeline():
    sent = make_board().send(Frame("one", b"", recorded_ns=500), 10_000, 0)
    assert sent.on_timeline(10_250) == 750
    assert sent.on_timeline(9_000) == 500  # nothing is answered before it was recorded
    assert make_board().send(Frame("one", b""), 10_000, 0).on_timeline(10_250) == 10_250


def test_table_has_a_line_a_topic_and_the_verdict():
    board = make_board()
    board.send(Frame("one", b""), 1000, 0)
    summary = {**board.summary(), "model": "tiny", "engine": "openvino", "precision": "fp32", "notes": []}
    json.dumps(summary)
    lines = table(summary).splitlines()
    assert lines[0].split() == ["topic", "type", "count", "Hz", "p50", "ms", "p99", "ms"]
    assert [line.split()[0] for line in lines[2:5]] == sorted(TYPES)
    assert lines[-1] == "0 of 1 frames answered, 1 dropped  (tiny on openvino, fp32)"
    lines = table({**summary, "notes": ["The bag has no odom."]}).splitlines()
    assert lines[-3:-1] == ["The bag has no odom.", ""]


def test_what_is_in_metres_is_expected_where_there_was_depth():
    board = Scoreboard({**TYPES, "/c": "pkg/msg/C"}, ["/a"], in_metres=["/c"])
    for index, measurable in enumerate((True, True, False)):
        board.send(Frame(str(index), b""), index, 0, measurable)
        board.receive("/a", index, 10)
    assert board.unanswered == []
    assert board.unmeasured == {"/c": 2}
    assert board.without_depth == ["2"]
    board.receive("/c", 0, 20)
    board.receive("/c", 1, 20)
    assert board.unmeasured == {}
    assert make_board().without_depth == []
