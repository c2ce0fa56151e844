"""Every `pip install` of the pages works on Ubuntu 24.04, whose Python is externally managed (PEP 668)."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# In a block of commands up to the end of the line or the next command; in a sentence up to the backtick.
COMMAND = re.compile(r"([\w./~-]*\bpip3?) install ([^`\n#&|;]+)")
# Where a user has the checkout: in a workspace, or here.
CHECKOUTS = ("./src/vit_perception", "src/vit_perception", ".")


def commands() -> list[tuple[str, str, list[str]]]:
    """(page, pip, its arguments) of every command on every page."""
    return [
        (page.name, pip, shlex.split(arguments))
        for page in PAGES
        for pip, arguments in COMMAND.findall(page.read_text().replace("\\\n", " "))
    ]


COMMANDS = commands()
NAMED = [f"{page}: {' '.join(arguments)}" for page, _, arguments in COMMANDS]


def extras() -> dict[str, Path]:
    """Extra of setup.py → its requirements file."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    table = next(node.value for node in ast.walk(tree) if getattr(node, "arg", "") == "extras_require")
    return {
        ast.literal_eval(name): ROOT / "requirements" / ast.literal_eval(call.args[0])
        for name, call in zip(table.keys, table.values, strict=True)
    }


def requirements(file: Path) -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for line in file.read_text().splitlines()]
    return [Requirement(line) for line in lines if line]


def test_pip_is_found_wherever_it_is_named() -> None:
    named = sum(len(re.findall(r"pip3? install", page.read_text())) for page in PAGES)
    assert len(COMMANDS) == named > 5


@pytest.mark.parametrize(("page", "pip", "arguments"), COMMANDS, ids=NAMED)
def test_it_goes_beside_apt_or_into_an_environment(page: str, pip: str, arguments: list[str]) -> None:
    beside_apt = pip == "pip" and "--break-system-packages" in arguments
    assert beside_apt or pip.endswith("/bin/pip"), f"{page}: Ubuntu 24.04 refuses {pip} install {arguments}"


@pytest.mark.parametrize(("page", "pip", "arguments"), COMMANDS, ids=NAMED)
def test_what_it_names_is_there(page: str, pip: str, arguments: list[str]) -> None:
    words = iter(arguments)
    for word in words:
        if word in ("-r", "-c"):
            file = ROOT / next(words).removeprefix("src/vit_perception/")
            assert requirements(file)
        elif checkout := re.fullmatch(r"(.+)\[(\w+)\]", word):
            assert checkout[1] in CHECKOUTS
            assert requirements(extras()[checkout[2]])
        elif not word.startswith("-"):
            assert Requirement(word)
