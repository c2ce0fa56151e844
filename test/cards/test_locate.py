"""Models by path, by name in a checkout, by name where they are installed."""

from pathlib import Path

import pytest

from vit_perception.cards.locate import find_model, installed_models, model_folders

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A sourced ROS workspace with two models."""
    for name in ("harbour_vit", "forest_vit"):
        folder = tmp_path / "install" / "share" / "vit_perception" / "models" / name
        folder.mkdir(parents=True)
        (folder / "model.yaml").write_text("name: x\n")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path / 'install'}")
    return tmp_path / "install" / "share" / "vit_perception" / "models"


def test_by_folder_and_by_card(monkeypatch):
    assert find_model(TINY) == find_model(str(TINY)) == find_model(TINY / "model.yaml") == TINY
    monkeypatch.chdir(TINY.parent)
    assert find_model("tiny") == Path("tiny")
    assert find_model("./tiny") == Path("tiny")


def test_home_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", str(TINY.parent))
    assert find_model("~/tiny") == TINY


def test_by_name_where_it_is_installed(workspace):
    assert workspace in model_folders()
    assert find_model("harbour_vit") == workspace / "harbour_vit"
    assert {"harbour_vit", "forest_vit"} <= installed_models().keys()


def test_an_installed_model_comes_before_a_folder_here(workspace, tmp_path, monkeypatch):
    (tmp_path / "harbour_vit").mkdir()
    (tmp_path / "harbour_vit" / "model.yaml").write_text("name: other\n")
    monkeypatch.chdir(tmp_path)
    assert find_model("harbour_vit") == workspace / "harbour_vit"
    assert find_model("./harbour_vit") == Path("harbour_vit")


def test_a_near_miss_is_suggested(workspace):
    with pytest.raises(FileNotFoundError, match="no model named 'harbor_vit': did you mean harbour_vit"):
        find_model("harbor_vit")


@pytest.mark.usefixtures("workspace")
def test_models_there_are_listed():
    with pytest.raises(FileNotFoundError, match=r"installed are .*forest_vit.*searched"):
        find_model("zzz")


@pytest.mark.parametrize(
    ("name", "says"), [("", "name is empty"), ("/no/such/model", "no model at /no/such/model")]
)
def test_nothing_there(name, says):
    with pytest.raises(FileNotFoundError, match=says):
        find_model(name)
