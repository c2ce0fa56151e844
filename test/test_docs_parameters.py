"""The parameters in the documentation are those of the code: on the page that is made, and in tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2")

from parameter_page import parameter_page
from vit_perception.nodes.parameter_spec import Change
from vit_perception.nodes.parameter_table import PARAMETERS
from vit_perception.sim.parameters import PARAMETERS as OF_SIMULATOR

ROOT = Path(__file__).resolve().parents[1]
# test_public_names.py compares it with what live nodes declare.
NAMES = yaml.safe_load((ROOT / "test/fixtures/public_names.yaml").read_text())
DECLARED: dict[str, list[str]] = NAMES["parameters"]
OF_EVERY_NODE = DECLARED.pop("every_node")
CHANGES = {"yes": Change.ALWAYS, "while unconfigured": Change.UNCONFIGURED, "no": Change.NEVER}


def sections() -> dict[str, set[str]]:
    """Names of parameters by the title of their section."""
    found = {}
    for section in parameter_page().split("\n## ")[1:]:
        title, _, entries = section.partition("\n")
        found[title] = set(re.findall(r"^### `([^`]+)`$", entries, re.MULTILINE))
    return found


@pytest.mark.parametrize("executable", DECLARED)
def test_the_page_names_every_parameter_that_a_node_declares(executable: str) -> None:
    titles = sections()
    named = [titles[title] for title in titles if title == "Of every node" or f"`{executable}`" in title]
    assert set().union(*named) == {*OF_EVERY_NODE, *DECLARED[executable]}


def test_the_page_names_every_parameter_of_the_simulator() -> None:
    assert sections()["Of the `simulator`"] == set(OF_SIMULATOR)


def table(page: str, heading: str) -> list[list[str]]:
    """The cells of the rows of the table below a heading."""
    text = (ROOT / page).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*) \|$", text, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows]


def agrees(cell: str, default: Any) -> bool:
    """Whether a default is what a cell says, which may have a colon and an explanation after it."""
    words = cell.replace("`", "").partition(":")[0]
    if isinstance(default, bool):
        return words == str(default).lower()
    if isinstance(default, (int, float)):
        return float(words) == default
    if default in ("", []):
        return words in ("empty", "the model's examples")
    return words == default if isinstance(default, str) else words == "all"


def test_the_table_of_the_readme() -> None:
    # What its rows stand for without naming it.
    named = {name for name in PARAMETERS if name.endswith(".model") or name.startswith("navigation.")}
    for names, default, changes, _ in table("README.md", "Parameters"):
        found = re.findall(r"`([^`…]+)`", names)
        defaults = default.split(", ") if len(found) > 2 else [default] * len(found)
        for name, its_default in zip(found, defaults, strict=True):
            spec = PARAMETERS[name]
            assert spec.change is CHANGES[changes], name
            assert spec.default is None or agrees(its_default.removesuffix(", …"), spec.default), name
        named.update(found)
    assert named == set(PARAMETERS)


def test_the_table_of_the_navigator() -> None:
    rows = table("docs/navigation.md", "Parameters")
    for name, default, limits, _ in rows:
        spec = PARAMETERS[name.strip("`")]
        assert agrees(default, spec.default), name
        assert limits == ("" if spec.limits is None else "{:.9g} to {:.9g}".format(*spec.limits)), name
    ours = {name for name in PARAMETERS if name.startswith("navigation.")} - {"navigation.model"}
    assert {name.strip("`") for name, *_ in rows} >= ours
