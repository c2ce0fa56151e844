"""The presets that are shipped, held against what was measured; and what is said of a wrong one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from vit_perception.hub.presets import Preset, PresetModel, find_preset, load_preset, preset_files

ROOT = Path(__file__).resolve().parents[2]
ZOO = {entry["name"]: entry for entry in yaml.safe_load((ROOT / "tools/zoo.yaml").read_text())}
PAGE = (ROOT / "docs/zoo.md").read_text()
ROW = re.compile(r"^\| `model: (?P<name>\S+)` \|(?P<cells>.+)\|$", re.MULTILINE)
MODEL = {"model": "hf:org/name", "licence": "MIT", "ms": 3, "measured_on": "a laptop"}
CONTENT = {"description": "a test", "suits": "tests", "models": {"detection": MODEL}}


def measured() -> dict[str, tuple[int, str]]:
    """Name → milliseconds of the whole call and what they were measured on, from the table of docs/zoo.md."""
    machine = re.search(r"^(.+? cores), with .*medians of", PAGE, re.MULTILINE)
    assert machine
    rows = {row["name"]: [cell.strip() for cell in row["cells"].split("|")] for row in ROW.finditer(PAGE)}
    return {name: (int(cells[4]), f"{machine[1]}, {cells[6]}") for name, cells in rows.items()}


@pytest.mark.parametrize("name", preset_files())
def test_models_are_those_of_the_zoo(name: str) -> None:
    preset = find_preset(name)
    table = measured()
    for model in preset.models.values():
        entry = ZOO[model.model]
        assert model.licence == entry["licence"]
        tasks = [task for task, other in preset.models.items() if other.model == model.model]
        assert entry["task"] in tasks
        assert not preset.prompts or entry["prompts"]
        # The table is of a CPU.
        expected = (None, "") if preset.device == "cuda" else table[model.model]
        assert (model.ms, model.measured_on) == expected


def test_the_page_lists_every_preset() -> None:
    rows = [
        f"| `{name}` | {task} | `{model.model}` | {model.licence} | {model.ms or 'not measured'} |"
        for name in preset_files()
        for task, model in find_preset(name).models.items()
    ]
    assert re.findall(r"^\| `[a-z_]+` \|.+$", PAGE.partition("## Presets")[2], re.MULTILINE) == rows


def test_presets_are_those_of_the_checkout_or_of_a_share_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(preset_files().values()) == set((ROOT / "config/presets").iterdir())
    installed = tmp_path / "share/vit_perception/config/presets/theirs.yaml"
    installed.parent.mkdir(parents=True)
    installed.write_text(yaml.safe_dump(CONTENT))
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert find_preset("theirs") == Preset(
        "theirs", "a test", "tests", {"detection": PresetModel("hf:org/name", "MIT", 3, "a laptop")}
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cpuu", "did you mean cpu or gpu?"),
        ("open-vocabulary", "did you mean open_vocabulary?"),
        ("instances", "did you mean depth_and_instances?"),
        ("zzz", "presets are cpu, depth_and_instances, gpu, open_vocabulary"),
    ],
)
def test_an_unknown_preset(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"no preset is named '{name}': ") as caught:
        find_preset(name)
    assert str(caught.value).endswith(reason)


def test_tasks_are_in_the_usual_order_and_models_are_listed_once() -> None:
    one, other = PresetModel("hf:a/b", "MIT", None), PresetModel("hf:c/d", "MIT", None)
    preset = Preset("one", "a test", "tests", {"depth": other, "segmentation": one, "detection": one})
    assert list(preset.models) == ["detection", "segmentation", "depth"]
    assert preset.names == ("hf:a/b", "hf:c/d")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"models": {"driving": MODEL}}, "models: unknown task 'driving': choose from classification"),
        ({"models": {}}, "models: {} is not a model for each task"),
        ({"models": ["hf:org/name"]}, r"models: \['hf:org/name'\] is not a model for each task"),
        ({"models": {"depth": "hf:org/name"}}, "models.depth: 'hf:org/name' is not a mapping"),
        ({"models": {"depth": MODEL | {"model": "hff:a/b"}}}, "models.depth.model: .*did you mean hf:a/b"),
        ({"models": {"depth": MODEL | {"model": "robot_vit_s14"}}}, "models.depth.model: .*give hf:ORG/NAME"),
        ({"models": {"depth": MODEL | {"model": 3}}}, "models.depth.model: 3 is not a text"),
        ({"models": {"depth": MODEL | {"licence": ""}}}, "models.depth.licence: '' is not a text"),
        ({"models": {"depth": {"model": "hf:a/b", "ms": 3}}}, "models.depth.licence: missing"),
        ({"models": {"depth": MODEL | {"ms": "fast"}}}, "models.depth.ms: 'fast' is not a time"),
        ({"models": {"depth": MODEL | {"ms": 0}}}, "models.depth.ms: 0 is not a time"),
        ({"models": {"depth": MODEL | {"ms": True}}}, "models.depth.ms: True is not a time"),
        ({"models": {"depth": MODEL | {"measured_on": ""}}}, "models.depth.measured_on: '' is not a text"),
        ({"models": {"depth": MODEL | {"ms": None}}}, "models.depth.measured_on: 'a laptop' goes with"),
        (
            {"models": {"depth": MODEL | {"note": "new"}}},
            "models.depth.note: unknown field, choose from model",
        ),
        ({"description": None}, "description: None is not a text"),
        ({"suits": 5}, "suits: 5 is not a text"),
        ({"prompts": "cat"}, "prompts: prompts is 'cat'"),
        ({"device": "tpu"}, "device: 'tpu' is unknown: choose from auto, cpu, cuda"),
        ({"precision": "int8"}, "precision: unknown field, choose from description"),
        (
            {"models": {"depth": MODEL | {"licence": "CC-BY-NC-4.0"}}},
            "description: the licence CC-BY-NC-4.0 forbids commercial use",
        ),
    ],
)
def test_what_is_wrong_is_named_by_file_and_field(
    change: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(CONTENT | change))
    with pytest.raises(ValueError, match=f"^{file}: {reason}"):
        load_preset(file)


@pytest.mark.parametrize(
    ("text", "reason"), [("- a\n", "is not a mapping"), ("a: [\n", "is not YAML"), ("", "None is not")]
)
def test_what_is_no_preset(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ValueError, match=reason) as caught:
        load_preset(tmp_path / "mine.yaml")
    assert str(caught.value).startswith(str(tmp_path / "mine.yaml"))
    assert len(str(caught.value).splitlines()) == 1


def test_a_licence_against_commercial_use_is_mentioned(tmp_path: Path) -> None:
    models = {"depth": MODEL | {"licence": "CC-BY-NC-4.0"}}
    changed = {"models": models, "description": "depth, no commercial use"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(CONTENT | changed))
    assert load_preset(tmp_path / "mine.yaml").models["depth"].licence == "CC-BY-NC-4.0"
