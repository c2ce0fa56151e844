"""The documentation as a site: no dead link or anchor, nothing from elsewhere, and every parameter."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from vit_perception.nodes.outputs.topics import TOPICS

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = ("http:", "https:", "//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, made as `make docs` makes it."""
    for module in ("rclpy", "sphinx", "myst_parser", "furo"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: make test installs it")
    folder = tmp_path_factory.mktemp("site")
    (options,) = re.findall(r"/sphinx-build (.*) out/docs$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    build = [sys.executable, "-m", "sphinx", *options.split(), str(folder)]
    result = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return folder


class Loads(HTMLParser):
    """Collects the addresses that a browser loads by itself: all but the targets of links to click on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "a":
            self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset") and value]


def loaded(site: Path) -> Iterator[tuple[str, str]]:
    for page in site.rglob("*.html"):
        for address in Loads(page.read_text()).addresses:
            yield page.name, address
    for sheet in site.rglob("*.css"):
        for address in re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')\s;]+)", sheet.read_text()):
            yield sheet.name, address


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    addresses = list(loaded(site))
    assert any("furo.css" in address for _, address in addresses)
    assert not [each for each in addresses if each[1].startswith(ELSEWHERE)]


def test_the_first_page_leads_to_all_others(site: Path) -> None:
    assert "README.html" in (site / "index.html").read_text()
    first = (site / "README.html").read_text()
    pages = {page.relative_to(ROOT).with_suffix(".html").as_posix() for page in (ROOT / "docs").glob("*.md")}
    assert pages <= set(re.findall(r'href="([^"#]+)', first))


def test_every_parameter_is_on_its_page(site: Path) -> None:
    from vit_perception.nodes.parameter_table import PARAMETERS

    page = (site / "docs" / "parameters.html").read_text()
    assert [name for name in PARAMETERS if f">{name}<" not in page] == []


def test_every_topic_is_on_its_page_with_its_type() -> None:
    page = (ROOT / "docs" / "topics.md").read_text()
    for topic in TOPICS.values():
        assert f"`{topic.name}`" in page, topic.name
        assert topic.message_type.replace("/msg/", "/") in page, topic.name


def test_the_pictures_of_topics_are_small() -> None:
    assert sum(file.stat().st_size for file in (ROOT / "docs" / "topics").iterdir()) < 600_000
