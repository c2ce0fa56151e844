"""What keeps large datasets small in memory: names in a block, JSON in pieces."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from vit_perception.data.formats import json_stream
from vit_perception.data.formats.json_stream import LineNumbers, stream_json
from vit_perception.data.names import Names

TOOL = Path(__file__).parents[2] / "tools" / "measure_dataset.py"


def test_names():
    texts = ["a", "", "Straße/ü", "b\udcff", "a"]
    names = Names(iter(texts))
    assert list(names) == texts
    assert (len(names), names[2]) == (5, "Straße/ü")
    assert list(names.repeated()) == [(4, 0)]
    for index in (-1, 5):
        with pytest.raises(IndexError):
            names[index]


@pytest.mark.parametrize("chunk", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_entries_and_their_places(tmp_path, monkeypatch, chunk, indent, ascii_only):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    entries = [
        {"a": [1, 2.5, -3e9, 'x\\"]}']},
        {"ü": "Straße 中"},
        {"long": "r" * 100},
        12345,
        True,
        None,
        "t",
    ]
    content = {"number": 123456, "list": entries, "empty": [], "text": "[{", "object": {"b": [[]]}}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content, indent=indent, ensure_ascii=ascii_only), encoding="utf-8")
    found = list(stream_json(path))
    assert [entry.value for entry in found if entry.key == "list"] == entries
    rest = {entry.key: entry.value for entry in found if entry.key != "list"}
    assert rest == {key: value for key, value in content.items() if key not in ("list", "empty")}
    data = path.read_bytes()
    lines = LineNumbers(path)
    for entry in found:
        assert json.loads(data[entry.start : entry.end]) == entry.value
        assert lines.line_of(entry.start) == data[: entry.start].count(b"\n") + 1


@pytest.mark.parametrize("chunk", [1, 1 << 20])
@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ('{"a":\n[1,\n2 3]}', 3, "there should be a ,"),
        ('{"a":\n\n[{"b": tru}]}', 3, "this is not JSON"),
        ('{"a": [{"b":\n"c', 2, "this is not JSON"),
        ('{"a":\n[1', 2, "there should be a ,"),
        ("{1: 2}", 1, "the name of an entry is not a text"),
        ('{"a" 2}', 1, "there should be a :"),
    ],
)
def test_what_is_not_json(tmp_path, monkeypatch, chunk, content, line, reason):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"a.json:{line}: {reason}"):
        list(stream_json(path))


def test_what_is_not_utf_8_and_what_begins_with_a_mark(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ValueError, match="this is not UTF-8"):
        list(stream_json(path))
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert [entry.value for entry in stream_json(path)] == [1]


def test_opening_takes_less_memory_than_the_file(tmp_path):
    """docs/datasets.md has the figures for 100,000 pictures."""
    pytest.importorskip("pycocotools")
    command = [sys.executable, str(TOOL), "--pictures", "8000", "--boxes", "56000"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    before, opened, read = (float(line[34:40]) for line in printed.splitlines()[1:])
    assert opened - before < 20
    assert read - before < 40
