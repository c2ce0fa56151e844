"""The documentation as a site, from the repository's Markdown: `make docs`. README.md is its first page.

Made by Sphinx, as docs.ros.org is, since it finds dead links and anchors; in furo, a theme that loads nothing
from elsewhere.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from sphinx.application import Sphinx

from parameter_page import parameter_page

project = "vit_perception"
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "examples/*.md", "benchmarks/*.md"]
exclude_patterns = [".*", "build", "install", "log", "models", "out", "test", "vit_perception"]
myst_heading_anchors = 4  # those of GitHub
html_theme = "furo"
html_title = project
html_show_copyright = False
html_copy_source = False
html_extra_path = ["index.html"]  # leads to README.html

CHAPTERS = {
    "Begin": ("first_hour", "nothing_comes_out", "migration", "your_own_eyes", "view"),
    "Look up": ("topics", "parameters", "diagnostics", "glossary"),
    "On a robot": ("real_time", "space", "over_time", "navigation", "simulator", "chaos", "docker"),
    "Models": ("default_model", "zoo", "models", "checkpoints", "compression", "token_reduction", "explain"),
    "Training": ("datasets", "labelling", "training", "vit_and_cnn"),
}


def complete(app: Sphinx, page: str, source: list[str]) -> None:
    """Add what a page has on the site alone."""
    if page == "docs/parameters":
        source[0] += parameter_page()
    elif page == root_doc:
        chapters = {title: [f"docs/{name}" for name in names] for title, names in CHAPTERS.items()}
        chapters["On a robot"].append("examples/README")
        chapters["For developers"] = ["CONTRIBUTING", "CHANGELOG", "benchmarks/README"]
        for title, pages in chapters.items():
            listed = "\n".join(pages)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{listed}\n```\n"


def setup(app: Sphinx) -> None:
    app.connect("source-read", complete)
