"""What every file of examples/ is, beside that it runs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.py"))


def test_there_are_examples() -> None:
    assert len(FILES) >= 5


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_short_stands_alone_and_says_how_to_run_it(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) < 80
    assert f"[{file.name}]({file.name})" in (EXAMPLES / "README.md").read_text()
    assert f"\n    python3 {file.name} " in (ast.get_docstring(ast.parse(text)) or "")
    imported = {name.split(".")[0] for name in re.findall(r"^(?:from|import) (\S+)", text, re.MULTILINE)}
    assert not imported & {other.stem for other in FILES}
