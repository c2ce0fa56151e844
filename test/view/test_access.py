"""Who may see the page, and which settings are refused."""

import pytest

from vit_perception.view.access import refusal
from vit_perception.view.settings import ViewSettings, is_loopback

TOKEN = "a-token-of-good-length"
OPEN, LOCKED = ViewSettings(), ViewSettings(host="0.0.0.0", token=TOKEN)


@pytest.mark.parametrize(
    ("settings", "host", "origin", "tokens", "word"),
    [
        (OPEN, "127.0.0.1:8070", None, [], ""),
        (OPEN, "localhost:9000", "http://localhost:9000", [], ""),  # through ssh -L 9000:localhost:8070
        (OPEN, "[::1]:8070", "http://[::1]:8070", [None, None], ""),
        (OPEN, "127.0.0.1:8070", "http://evil.example", [], "evil"),
        (OPEN, "127.0.0.1:8070", "null", [], "null"),  # a file, or a sandboxed frame
        (OPEN, "127.0.0.1:8070", "http://127.0.0.1:3000", [], "3000"),  # another server of this machine
        (OPEN, "evil.example:8070", "http://evil.example:8070", [], "this machine alone"),  # DNS rebinding
        (LOCKED, "robot:8070", "http://robot:8070", [TOKEN, None], ""),
        (LOCKED, "robot:8070", None, [None, TOKEN], ""),
        (LOCKED, "robot:8070", None, [None, None], "token"),
        (LOCKED, "robot:8070", None, [""], "token"),
        (LOCKED, "robot:8070", None, [TOKEN[:-1], f"{TOKEN}x", "é"], "token"),
        (LOCKED, "127.0.0.1:8070", None, [None], "token"),
        (LOCKED, "robot:8070", "http://evil.example", [TOKEN], "evil"),
    ],
)
def test_requests(settings, host, origin, tokens, word):
    said = refusal(settings, host, origin, tokens)
    assert bool(said) == bool(word)
    assert word in said


def test_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.5", "robot", "localhost.evil.example", "")))


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"port": 70000}, "70000"),
        ({"rate": 0.0}, "rate is 0"),
        ({"rate": 500.0}, "500"),
        ({"host": "0.0.0.0"}, "token"),
        ({"host": "robot", "token": "short"}, "token"),
    ],
)
def test_wrong_settings_are_named(wrong, word):
    with pytest.raises(ValueError, match=word):
        ViewSettings(**wrong)
