"""A navigator uses what it is told, and does not miss what it is not."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.backbones.features import TokenFeatures
from vit_perception.heads.depth_stem import DepthStem
from vit_perception.heads.navigation import NavigationHead
from vit_perception.heads.navigation_config import NavigationConfig

CONFIG = NavigationConfig(history=2, beams=5, waypoints=3, width=16)
GRID, STRIDE = (3, 5), 8


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


FEATURES = TokenFeatures(noise(2, 24), noise(2, 1, 24, seed=1), noise(2, 15, 24, seed=2), GRID)
DEPTH = 1.0 + 4.0 * torch.rand(2, 1, 24, 40, generator=torch.Generator().manual_seed(3))
GOAL = torch.tensor([[3.0, 0.6, 0.8, 1.0]]).expand(2, -1)
HISTORY = torch.cat([noise(2, 2, 16, seed=4), torch.ones(2, 2, 1)], dim=-1)


def make(config: NavigationConfig = CONFIG) -> NavigationHead:
    torch.manual_seed(0)
    head = NavigationHead(24, STRIDE, 4, config).eval()
    for parameter in head.parameters():  # larger than a training start, so that outputs vary
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return head


@pytest.fixture(scope="module")
def head():
    return make()


def differ(one, other, *names):
    return [name for name in names or one if not torch.allclose(one[name], other[name], atol=1e-5)]


def test_what_it_gives(head):
    found = head(FEATURES, DEPTH, GOAL, HISTORY)
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "navigation_action": (2, 4),
        "navigation_collision": (2, 1),
        "navigation_goal_distance": (2, 1),
        "navigation_path": (2, 3, 2),
        "navigation_scan": (2, 5),
        "navigation_token": (2, 16),
        "navigation_attention": (2, 2, 3, 5),
    }
    assert (found["navigation_scan"] >= 0).all()
    assert (found["navigation_scan"] <= CONFIG.max_range).all()
    read = found["navigation_attention"].sum(dim=(1, 2, 3))
    assert ((read > 0) & (read < 1)).all(), "the rest goes to the class token"
    assert (found["navigation_goal_distance"] > 3.0).all(), "no way is shorter than as the crow flies"


ANSWERS = ("navigation_action", "navigation_path", "navigation_scan", "navigation_collision")


def test_each_input_counts(head):
    everything = head(FEATURES, DEPTH, GOAL, HISTORY)
    mirrored = torch.tensor([1.0, -1.0, 1.0, 1.0])
    for changed in (
        head(FEATURES, DEPTH * 3, GOAL, HISTORY),
        head(FEATURES, DEPTH.flip(-1), GOAL, HISTORY),
        head(FEATURES, None, GOAL, HISTORY),
        head(FEATURES, DEPTH, GOAL * mirrored, HISTORY),
        head(FEATURES, DEPTH, None, HISTORY),
        head(FEATURES, DEPTH, GOAL, HISTORY.flip(1)),
        head(FEATURES, DEPTH, GOAL, None),
    ):
        assert differ(everything, changed, *ANSWERS) == list(ANSWERS)


def test_the_token_of_a_frame_knows_its_goal_and_no_history(head):
    token = head(FEATURES, DEPTH, GOAL, HISTORY)["navigation_token"]
    assert torch.equal(token, head(FEATURES, DEPTH, GOAL)["navigation_token"])
    for other in (head(FEATURES, None, GOAL), head(FEATURES, DEPTH, GOAL * 2), head(FEATURES, DEPTH)):
        assert not torch.allclose(token, other["navigation_token"], atol=1e-3)


def test_nothing_is_the_same_as_zeros(head):
    nothing = head(FEATURES)
    zeros = head(FEATURES, torch.zeros_like(DEPTH), torch.zeros(2, 4), torch.zeros(2, 2, 17))
    assert not differ(nothing, zeros)


@pytest.mark.parametrize("invalid", [float("nan"), float("inf"), -1.0, 5000.0])
def test_what_no_sensor_measures_is_no_depth(head, invalid):
    found = head(FEATURES, torch.full_like(DEPTH, invalid))
    assert not differ(head(FEATURES), found)
    holed, emptied = DEPTH.clone(), DEPTH.clone()
    holed[:, :, :8, :12], emptied[:, :, :8, :12] = invalid, 0.0
    assert not differ(head(FEATURES, emptied), head(FEATURES, holed))
    assert all(value.isfinite().all() for value in head(FEATURES, holed).values())


def test_what_one_frame_lacks_the_others_keep(head):
    depth, goal, history = DEPTH.clone(), GOAL.clone(), HISTORY.clone()
    depth[0], goal[0], history[0] = 0.0, 0.0, 0.0
    mixed, whole = head(FEATURES, depth, goal, history), head(FEATURES, DEPTH, GOAL, HISTORY)
    for name, value in mixed.items():
        assert torch.allclose(value[0], head(FEATURES)[name][0], atol=1e-5), name
        assert torch.allclose(value[1], whole[name][1], atol=1e-5), name


def test_one_missing_frame_of_the_history(head):
    gap = HISTORY.clone()
    gap[:, 0] = 0.0
    kept = head(FEATURES, history=gap)
    assert differ(kept, head(FEATURES, history=HISTORY), "navigation_path")
    assert differ(kept, head(FEATURES), "navigation_path")
    gap[:, 0, :-1] = 7.0
    assert not differ(kept, head(FEATURES, history=gap)), "a token that is not there is not read"


def test_every_parameter_learns():
    head = make().train()
    found = [head(FEATURES, DEPTH, GOAL, HISTORY), head(FEATURES)]
    sum(value.square().mean() for outputs in found for value in outputs.values()).backward()
    assert not [n for n, p in head.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


def test_a_navigator_without_depth_goal_and_history():
    config = dataclasses.replace(CONFIG, depth=False, goal=False, history=0)
    assert config.inputs == ()
    found = make(config)(FEATURES)
    assert found["navigation_attention"].shape == (2, 2, 3, 5)
    assert found["navigation_attention"][:, 1].sum() == 0


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"depth": DEPTH[:, 0]}, r"depth has shape \(2, 24, 40\), not \(2, 1, H, W\)"),
        ({"goal": GOAL[:, :3]}, r"goal has shape \(2, 3\), not \(2, 4\)"),
        ({"history": HISTORY[:, :1]}, r"history has shape \(2, 1, 17\), not \(2, 2, 17\)"),
    ],
)
def test_an_input_of_another_shape_is_refused(head, inputs, message):
    with pytest.raises(ValueError, match=message):
        head(FEATURES, **inputs)


@pytest.mark.parametrize("stride", [7, 8, 14, 16, 32])
def test_the_depth_of_a_patch_is_in_its_token(stride):
    torch.manual_seed(0)
    stem = DepthStem(stride, 16).eval()
    depth = torch.full((1, 1, 2 * stride, 3 * stride), 2.0)
    changed = depth.clone()
    changed[..., stride + 1, 2 * stride + 3] = 0.5  # second row, third column
    apart = (stem(depth, (2, 3), 1) - stem(changed, (2, 3), 1)).abs().sum(dim=-1)
    assert (apart[0] > 0).tolist() == [False] * 5 + [True]


def test_the_angles_go_from_left_to_right():
    assert CONFIG.angles == pytest.approx([0.698, 0.349, 0.0, -0.349, -0.698])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"wings": 2}, "wings"),
        ({"beams": 1}, "beams is 1: give at least two"),
        ({"width": 18}, "width must be a multiple of 4, not 18"),
        ({"depth": 1}, "depth must be true or false"),
        ({"history": -1}, "history must be a whole number"),
        ({"interval": 0}, "interval must be positive"),
        ({"beam_angle": 4.0}, "beam_angle must be a number"),
    ],
)
def test_a_wrong_field_of_the_card_is_named(fields, message):
    with pytest.raises(ValueError, match=f"architecture: navigation: .*{message}"):
        NavigationConfig.of({"navigation": fields})
    assert NavigationConfig.of({}) is None
