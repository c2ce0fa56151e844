"""A model with a navigator, from a frame and what else there is to its answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.runtime.navigation_history import NavigationHistory
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.runtime.task_models import TaskModels
from vit_perception.viz.describe import describe_perception

FIXTURES = Path(__file__).parents[1] / "fixtures"
NAVIGATOR = FIXTURES / "tiny_navigator"
FRAMES = [np.random.default_rng(seed).integers(0, 256, (120, 160, 3), np.uint8) for seed in range(3)]
DEPTH = np.random.default_rng(9).uniform(0.5, 5.0, (120, 160)).astype(np.float32)
GIVEN = NavigationInput(DEPTH, (3.0, 0.5), (np.ones(16, np.float32), None))
FIELDS = ("action_scores", "collision", "goal_distance", "path", "scan", "token", "depth_share")


@pytest.fixture(scope="module", params=["openvino", "onnxruntime", "torch"])
def predictor(request):
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    return Predictor(NAVIGATOR, request.param, "cpu", precision="fp32")


def assert_close(one, other):
    for field in FIELDS:
        np.testing.assert_allclose(getattr(one, field), getattr(other, field), atol=1e-4, err_msg=field)


def test_what_it_answers(predictor):
    found = predictor(FRAMES[0], navigation=GIVEN).navigation
    assert found.path.shape == (8, 2)
    assert found.scan.shape == found.scan_angles.shape == (32,)
    assert found.scan_angles[0] == pytest.approx(0.698)
    assert found.scan_angles[-1] == pytest.approx(-0.698)
    assert found.token.shape == (16,)
    assert found.goal_distance > 3.0
    assert 0 < found.depth_share < 1
    assert found.attention is None, "it was not asked for"
    assert all(getattr(found, each).dtype == np.float32 for each in ("path", "scan", "scan_angles", "token"))


def test_all_engines_say_the_same(predictor):
    first = Predictor(NAVIGATOR, "onnxruntime", "cpu")
    assert_close(
        predictor(FRAMES[0], navigation=GIVEN).navigation, first(FRAMES[0], navigation=GIVEN).navigation
    )
    assert_close(
        predictor(FRAMES[1], navigation=NavigationInput(goal=(1.0, 0.0))).navigation,
        first(FRAMES[1], navigation=NavigationInput(goal=(1.0, 0.0))).navigation,
    )


def test_a_batch_is_its_frames_one_by_one(predictor):
    given = [GIVEN, NavigationInput(goal=(1.0, -2.0)), NavigationInput(DEPTH[::2, ::2], (8.0, 0.0))]
    together = predictor.batch(FRAMES, ["bgr"] * 3, navigation=given)
    for found, frame, own in zip(together, FRAMES, given, strict=True):
        assert_close(found.navigation, predictor(frame, navigation=own).navigation)


def test_without_a_goal_there_is_no_distance_to_it(predictor):
    found = predictor(FRAMES[0]).navigation
    assert found.goal_distance is None
    assert found.action_scores is not None
    assert found.path is not None


def test_frames_remember_those_before(predictor):
    history = NavigationHistory(predictor.navigation)
    alone = predictor(FRAMES[2]).navigation
    for place, frame in enumerate(FRAMES):
        given = NavigationInput(history=history.before(0.2 * place))
        found = predictor(frame, navigation=given).navigation
        history.add(0.2 * place, found.token)
    np.testing.assert_allclose(found.token, alone.token, atol=1e-5)
    assert np.abs(found.path - alone.path).max() > 1e-4


def test_what_the_action_reads_is_mapped_to_the_image():
    predictor = Predictor(NAVIGATOR, device="cpu")
    found = predictor(FRAMES[0], request=Request(navigation_attention=True), navigation=GIVEN).navigation
    assert found.attention.shape == (2, 120, 160)
    assert found.attention.max() == pytest.approx(1.0, abs=0.05)
    assert found.attention.min() >= 0.0
    half = Request(map_scale=0.5, navigation_attention=True)
    assert predictor(FRAMES[0], request=half).navigation.attention.shape == (2, 60, 80)


def test_a_model_without_a_navigator_takes_no_notice():
    predictor = Predictor(FIXTURES / "tiny", device="cpu")
    assert predictor.navigation is None
    found, alone = predictor(FRAMES[0], navigation=GIVEN).navigation, predictor(FRAMES[0]).navigation
    np.testing.assert_array_equal(found.action_scores, alone.action_scores)
    assert (found.path, found.scan, found.token, found.attention) == (None,) * 4


def test_models_of_a_node_pass_it_on():
    models = TaskModels(model=NAVIGATOR, device="cpu", tasks=["detection", "navigation"])
    assert models.navigation == Predictor(NAVIGATOR).navigation
    assert TaskModels(model=FIXTURES / "tiny", tasks=["navigation"]).navigation is None
    assert TaskModels(model=NAVIGATOR, tasks=["detection"]).navigation is None
    found = models.batch(FRAMES, ["bgr"] * 3, navigation=[GIVEN] * 3)
    assert all(each.navigation.goal_distance > 3.0 for each in found)
    models.warm_up()


def test_as_many_inputs_as_images():
    predictor = Predictor(NAVIGATOR, device="cpu")
    with pytest.raises(ValueError, match="navigation has 1 entries for 3 images"):
        predictor.batch(FRAMES, ["bgr"] * 3, navigation=[GIVEN])


def test_an_answer_that_is_not_finite_is_left_out():
    from vit_perception.runtime.decode.navigator import navigator
    from vit_perception.runtime.preprocess import Geometry
    from vit_perception.runtime.results import Navigation

    config = Predictor(NAVIGATOR).navigation
    raw = {
        "navigation_path": np.full((8, 2), np.nan, np.float32),
        "navigation_scan": np.full(32, np.inf, np.float32),
        "navigation_token": np.zeros(16, np.float32),
        "navigation_free_space": np.full((4, 3), np.nan, np.float32),
    }
    found = navigator(
        Navigation(goal_distance=1.0), raw, config, GIVEN, Geometry((1, 1), (1, 1), (1, 1)), None
    )
    assert (found.path, found.scan, found.scan_angles, found.depth_share, found.free_space) == (None,) * 5
    assert found.goal_distance == 1.0
    assert found.token is not raw["navigation_token"], "an engine may write there again"


def test_it_is_described_in_words():
    predictor = Predictor(NAVIGATOR, device="cpu")
    text = describe_perception(predictor(FRAMES[0], navigation=GIVEN), predictor.card)
    assert "free ahead" in text
