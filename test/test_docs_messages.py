"""docs/nothing_comes_out.md quotes messages as the nodes give them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "nothing_comes_out.md"
MESSAGES = re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(), re.MULTILINE)


def texts() -> set[str]:
    """All texts of the package but docstrings, with `…` for what is put in."""
    found = set()
    for file in (ROOT / "vit_perception").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.JoinedStr):
                parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                found.add("".join(parts))
            elif isinstance(node, ast.Constant) and id(node) not in docstrings:
                found.add(str(node.value))
    return found


TEXTS = texts()


@pytest.mark.parametrize("message", MESSAGES)
def test_the_message_is_in_the_code(message: str) -> None:
    assert any(message in text for text in TEXTS)


def test_most_of_the_page_is_messages() -> None:
    assert len(MESSAGES) > 40
