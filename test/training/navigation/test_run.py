"""From recorded drives to a model folder that navigates, by the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("torchvision", reason="training needs torchvision: make test installs it")
pytest.importorskip("onnx", reason="the model is exported")
pytest.importorskip("openvino", reason="the model is run")
pytest.importorskip("sklearn", reason="average precision needs scikit-learn: make test installs it")

from kept_graphs import kept_graphs
from training.navigation.small_drives import write_drives
from vit_perception.cards.card import load_card
from vit_perception.cli import main
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.runtime.engines.torch import load_model
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.runtime.predictor import Predictor
from vit_perception.training.config import TrainingConfig, write_config
from vit_perception.training.navigation.config import NavigationTraining
from vit_perception.training.navigation.run import check_truth, with_navigator

TINY = Path(__file__).parents[2] / "fixtures" / "tiny"
NAVIGATOR = TINY.parent / "tiny_navigator"


def words(folder: Path, *more: str) -> list[str]:
    run = ["--config", str(folder / "config.yaml"), "--output", str(folder / "run"), "--student", str(TINY)]
    return ["train", str(folder / "drives"), *run, *more]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("navigation")
    write_drives(folder / "drives")
    navigation = NavigationTraining(NavigationConfig(history=2, width=16), window=3)
    config = TrainingConfig(
        steps=4, batch_size=2, validate_every=2, held_out=0.2, bf16=False, navigation=navigation
    )
    write_config(config, folder / "config.yaml")
    with kept_graphs():
        assert main(words(folder)) == 0
        yield folder


def test_the_model_navigates(trained):
    card = load_card(trained / "run" / "model")
    assert card.architecture["navigation"]["history"] == 2
    assert {"navigation.path", "navigation.scan", "navigation.goal_distance"} <= set(card.trained)
    predictor = Predictor(trained / "run" / "model")
    depth = np.ones((60, 80), np.float32)
    found = predictor(np.zeros((60, 80, 3), np.uint8), navigation=NavigationInput(depth, (2.0, 0.3)))
    assert found.navigation.path.shape == (8, 2)
    assert found.navigation.goal_distance >= 2.0
    assert found.detection is not None


def test_all_else_is_the_student_bit_for_bit(trained):
    before, after = (load_model(load_card(folder)) for folder in (TINY, trained / "run" / "model"))
    weights = after.state_dict()
    for name, value in before.state_dict().items():
        if not name.startswith("heads.navigation."):
            assert torch.equal(value, weights[name]), name
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    old, new = (
        Predictor(folder, "onnxruntime", "cpu")(image) for folder in (TINY, trained / "run" / "model")
    )
    np.testing.assert_allclose(old.classification.scores, new.classification.scores, atol=1e-5)
    card = load_card(trained / "run" / "model")
    assert card.thresholds == load_card(TINY).thresholds
    assert card.labels == load_card(TINY).labels


def test_the_card_says_how_good_it_is_on_drives_that_were_held_out(trained):
    metrics = load_card(trained / "run" / "model").metrics["navigation"]
    assert (metrics["drives"], metrics["frames"]) == (1, 6)
    for found in (metrics, metrics["without_depth"]):
        assert 0 <= found["action_accuracy"] <= 100
        assert found["path_error"] > 0
        assert found["scan_error"] > 0
        assert found["goal_distance_error"] >= 0


def test_the_log_has_every_step(trained):
    entries = [json.loads(line) for line in (trained / "run" / "log.jsonl").read_text().splitlines()]
    losses = [entry for entry in entries if "loss" in entry]
    assert [entry["step"] for entry in losses] == [1, 2, 3, 4]
    assert {"action", "collision", "goal_distance", "path", "scan"} <= set(losses[0])


def test_a_finished_run_is_only_published_again(trained, capsys):
    before = (trained / "run" / "last.pt").read_bytes()
    assert main(words(trained)) == 0
    assert (trained / "run" / "last.pt").read_bytes() == before


def test_another_config_needs_another_folder(trained, capsys):
    assert main(words(trained, "--seed", "7")) != 0
    assert "another seed" in capsys.readouterr().err


def test_a_navigator_is_trained_on_where_it_fits():
    card = load_card(NAVIGATOR)
    before = load_model(card)
    config = before.navigation
    model, made = with_navigator(card, config)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before.state_dict()[name]), name
    assert made.metrics == {}
    assert [n for n, p in model.named_parameters() if p.requires_grad] == [
        name for name, _ in model.named_parameters() if name.startswith("heads.navigation.")
    ]
    other, _ = with_navigator(card, NavigationConfig(history=1, width=16))
    assert other.navigation.history == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"waypoints": 4}, "waypoints is 4, and the truth of drives has 8"),
        ({"beams": 16}, "beams is 16, and the truth of drives has 32"),
        ({"beam_angle": 0.5}, r"beam_angle is 0\.5"),
        ({"max_range": 9.0}, "max_range is 9 m"),
    ],
)
def test_what_drives_do_not_teach_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        check_truth(NavigationConfig(**fields))


def test_the_config_names_what_is_wrong(tmp_path):
    from vit_perception.training.config import read_config

    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"navigation": {"model": {"history": 3}, "drop_depth": 0.5}}))
    assert read_config(path).navigation.model.history == 3
    for content, says in (
        ({"drop_goal": 1.5}, "navigation: drop_goal must be a probability"),
        ({"model": {"wings": 2}}, "navigation: model: "),
        ({"losses": {"path": -1}}, "navigation: losses: path must be a number that is not negative"),
        ({"wings": 2}, "navigation: wings is unknown"),
    ):
        path.write_text(yaml.safe_dump({"navigation": content}))
        with pytest.raises(ValueError, match=says):
            read_config(path)
