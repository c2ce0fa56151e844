"""The one recipe: what a batch is, what either network learns, what harms a picture."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("torchvision", reason="the CNN is torchvision's: make test installs it")

from vit_and_cnn.harm import blur, darkness, noise
from vit_and_cnn.networks import NAMES, Network
from vit_and_cnn.plan import SIZES, Plan
from vit_and_cnn.sets import Pictures
from vit_and_cnn.training import accuracy, draw, examine, learn, network_input, pretrain
from vit_perception.training.targets import ACTIONS

PLAN = Plan(train=8, steps=12, batch=4, validations=3)


def sided(count: int = 8) -> Pictures:
    """Pictures that are bright where the way is free, left or right; what is bright is far."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 30, (count, *SIZES[-1], 3), np.uint8)
    actions = np.array([ACTIONS.index(("turn_left", "turn_right")[place % 2]) for place in range(count)])
    distances = np.zeros((count, 6, 8), np.float32)
    for place in range(count):
        half = slice(None, 4) if place % 2 == 0 else slice(4, None)
        distances[place][:, half] = 1.0
        width = SIZES[-1][1] // 2
        rgb[place][:, :width] += 200 if place % 2 == 0 else 0
        rgb[place][:, width:] += 200 if place % 2 == 1 else 0
    return Pictures(rgb, actions, distances, np.arange(count))


def test_mirrored_pictures_have_mirrored_truth():
    seen = set()
    for step in range(12):
        rgb, actions, distances = draw(sided(), PLAN, 0, step)
        for picture, action, cells in zip(rgb, actions, distances, strict=True):
            left = picture[:, : picture.shape[1] // 2].mean() > picture[:, picture.shape[1] // 2 :].mean()
            assert ACTIONS[action] == ("turn_left" if left else "turn_right")
            assert (cells[:, 0] > cells[:, -1]).all() == left
        seen.add(rgb.shape[1:3])
    assert seen == set(SIZES)


def test_what_is_neither_left_nor_right_stays():
    pictures = sided()
    pictures.actions[:] = [ACTIONS.index("forward"), ACTIONS.index("stop")] * 4
    drawn = np.concatenate([draw(pictures, PLAN, 0, step)[1] for step in range(4)])
    assert np.bincount(drawn, minlength=4).tolist() == [0, 8, 0, 8]


def test_a_round_is_each_picture_once_in_an_order_of_the_seed():
    pictures = sided()
    pictures.log_distances[:] = np.arange(8)[:, None, None]

    def order(seed: int, steps: range) -> list[int]:
        return [int(cells[0, 0]) for step in steps for cells in draw(pictures, PLAN, seed, step)[2]]

    assert sorted(order(0, range(2))) == list(range(8))
    assert order(0, range(2)) == order(0, range(2)) != order(1, range(2))
    assert order(0, range(2)) != order(0, range(2, 4))


@pytest.mark.parametrize("name", NAMES)
def test_a_network_takes_every_size(name):
    network = Network(name, 5).eval()
    for height, width in SIZES:
        assert network(torch.zeros(1, 3, height, width)).shape == (1, 5)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns(name):
    network = Network(name, 4)
    network(
        torch.randn(2, 3, *SIZES[0], generator=torch.Generator().manual_seed(0))
    ).square().sum().backward()
    idle = [key for key, each in network.named_parameters() if each.grad is None or not each.grad.any()]
    # The class token is read by the patches, but has no patch of its own.
    assert not [key for key in idle if "cls_token" not in key]


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_the_way_from_scratch(name):
    plan = Plan(train=8, steps=160, batch=8, validations=2, rate=2e-3)
    network, curve = learn(name, None, sided(), sided(), plan, seed=0)
    assert [step for step, *_ in curve] == [80, 160]
    assert max(right for *_, right in curve) >= 75
    assert accuracy(network, sided().rgb, sided().actions) >= 75


@pytest.mark.parametrize("name", NAMES)
def test_pretraining_learns_distances_and_hands_on_its_weights(name):
    plan = Plan(steps=160, batch=8, validations=2, rate=2e-3)
    weights, course = pretrain(name, sided(), plan, seed=0)
    assert course[1] < 0.8 * course[0]
    network, _ = learn(name, weights, sided(), sided(), Plan(steps=1, batch=8, validations=1, rate=1e-9), 0)
    given, kept = (each for each in (weights, network.backbone.state_dict()))
    matrices = [key for key, each in given.items() if each.ndim > 1]
    assert matrices
    assert all(torch.allclose(given[key], kept[key], atol=1e-5) for key in matrices)


def test_a_seed_gives_the_same_run_again():
    plan = Plan(steps=2, batch=4, validations=1)
    curves = [learn("vit", None, sided(), sided(), plan, seed)[1] for seed in (0, 0, 1)]
    assert curves[0] == curves[1]
    assert curves[0][0][1] != curves[2][0][1]


def test_normalised_as_the_papers_do():
    grey = np.full((1, 2, 2, 3), 128, np.uint8)
    assert network_input(grey)[0, 0, 0, 0] == pytest.approx((128 / 255 - 0.485) / 0.229, rel=1e-5)


def test_harm_by_hand():
    rng = np.random.default_rng(0)
    picture = np.full((1, 40, 40, 3), 100, np.uint8)
    picture[:, :, 20:] = 160
    blurred = blur(picture, 2.0, rng)
    assert blurred.mean() == pytest.approx(130, abs=1)
    assert 115 < blurred[0, 20, 19, 0] < 130
    assert (noise(picture, 10.0, rng).astype(float) - picture).std() == pytest.approx(10, rel=0.05)
    assert np.unique(darkness(picture, 4.0, rng)).tolist() == [25, 40]


def test_examined_at_every_size_and_strength():
    found = examine(Network("cnn", 4), sided())
    assert len(found["sizes"]) == len(SIZES)
    assert {kind: len(values) for kind, values in found["harmed"].items()} == {
        "blur": 3,
        "noise": 3,
        "darkness": 3,
    }
    assert all(0 <= value <= 100 for value in found["sizes"])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"train": 6}, "train must be a multiple of the four actions, not 6"),
        ({"steps": 0}, "steps must be a positive whole number"),
        ({"seeds": (1, 1)}, "seeds must differ"),
        ({"steps": 2, "validations": 3}, "validations must be at most the 2 steps"),
    ],
)
def test_a_plan_refuses(values, reason):
    with pytest.raises(ValueError, match=reason):
        Plan(**values)
