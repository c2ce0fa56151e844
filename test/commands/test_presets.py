"""`vit-perception models` and `models fetch --preset`, with a hub on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from vit_perception import cli
from vit_perception.cards.card import load_card
from vit_perception.hub.obtain import local_model
from vit_perception.hub.presets import find_preset, preset_files
from vit_perception.runtime.prompts import encode_prompts


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Path]]:
    """Name → folder of the models on the hub, none at first; and a store that is empty."""
    pytest.importorskip("torch", reason="public models are adopted with torch")
    pytest.importorskip("transformers", reason="the models' library, a test dependency")
    pytest.importorskip("huggingface_hub", reason="the hub's client, a test dependency")
    from huggingface_hub.utils import close_session

    from hub.server import Hub

    for variable in ("HF_HUB_OFFLINE", "VIT_PERCEPTION_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache of the hub"))
    monkeypatch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path / "store"))
    with Hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        close_session()
        yield server.models
    close_session()


def test_models_lists_the_presets(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in preset_files():
        (line,) = [line for line in lines if line.startswith(f"{name}: ")]
        assert find_preset(name).description in line


def test_fetch_gets_every_model_of_a_preset_once(
    hub: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from hub.small_models import publish_depth_anything, publish_mask2former

    preset = find_preset("depth_and_instances")
    segmenter, depth = preset.names
    for name, publish in ((segmenter, publish_mask2former), (depth, publish_depth_anything)):
        hub[name.removeprefix("hf:")] = publish(tmp_path / "published" / name.rpartition("/")[2])
    robot = tmp_path / "robot"
    assert cli.main(["models", "fetch", "--preset", preset.name, "--to", str(robot)]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("exporting") == 2
    *_, title, head, detection, segmentation, of_depth, launch = printed.out.splitlines()
    assert title == f"preset {preset.name}: {preset.description}"
    assert head.split() == ["task", "model", "licence", "ms"]
    assert detection.split()[:4] == ["detection", segmenter, "MIT", f"{preset.models['detection'].ms}"]
    assert segmentation.split()[:3] == ["segmentation", segmenter, "MIT"]
    assert of_depth.endswith(f"{preset.models['depth'].ms} (AMD EPYC, 2 cores, openvino bf16)")
    assert launch.endswith(f"preset:={preset.name} with VIT_PERCEPTION_MODELS={robot}")
    monkeypatch.setenv("VIT_PERCEPTION_MODELS", str(robot))
    for task, model in preset.models.items():
        folder = local_model(model.model)
        assert folder is not None
        assert folder.parent == robot
        assert task in load_card(folder).tasks


def test_fetch_encodes_the_prompts_of_a_preset(
    hub: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from hub.small_clip import publish_clip

    hub["org/clip"] = publish_clip(tmp_path / "published" / "clip")
    file = tmp_path / "share/vit_perception/config/presets/words.yaml"
    file.parent.mkdir(parents=True)
    model = {"model": "hf:org/clip", "licence": "Apache-2.0", "ms": None}
    content = {
        "description": "a test",
        "suits": "tests",
        "prompts": ["cat"],
        "models": {"classification": model},
    }
    file.write_text(yaml.safe_dump(content))
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert cli.main(["models", "fetch", "--preset", "words"]) == 0
    printed = capsys.readouterr()
    assert "encoding cat for" in printed.err
    assert "not measured\nlaunch argument preset:=words\n" in printed.out
    folder = local_model("hf:org/clip")
    assert folder is not None
    assert encode_prompts(load_card(folder), ["cat"])  # kept: nothing that encodes is given
    assert cli.main(["models", "fetch", "--preset", "words", "--prompts", "dog,cow"]) == 0
    assert "encoding dog, cow for" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--preset", "gpuu"], "no preset is named 'gpuu': did you mean gpu or cpu?"),
        ([], "name a model, as in hf:hustvl/yolos-tiny, or a preset, as in --preset cpu"),
    ],
)
def test_fetch_refuses_in_one_line(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["models", "fetch", *arguments]) == 1
    assert capsys.readouterr().err == f"vit-perception: {reason}\n"
