"""The head of models without a navigator."""

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.backbones.features import TokenFeatures
from vit_perception.heads.action import ActionHead

FEATURES = TokenFeatures(torch.ones(2, 16), torch.zeros(2, 0, 16), torch.ones(2, 15, 16), (3, 5))


def test_it_listens_to_a_goal():
    torch.manual_seed(0)
    head = ActionHead(16, 2, num_actions=4).eval()
    free = head(FEATURES)
    assert free["navigation_action"].shape == (2, 4)
    assert free["navigation_collision"].shape == (2, 1)
    assert (free["navigation_goal_distance"] >= 0).all()
    near, far = (head(FEATURES, torch.tensor([[metres, 0.0, 1.0]] * 2)) for metres in (1.0, 9.0))
    for one, other in ((free, near), (free, far), (near, far)):
        assert not torch.allclose(one["navigation_action"], other["navigation_action"], atol=1e-4)


def test_every_parameter_learns():
    head = ActionHead(16, 2, num_actions=4)
    found = [head(FEATURES), head(FEATURES, torch.ones(2, 3))]
    sum(value.square().mean() for outputs in found for value in outputs.values()).backward()
    assert not [n for n, p in head.named_parameters() if p.grad is None]


def test_goal_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"goal has shape \(2, 2\), not \(2, 3\)"):
        ActionHead(16, 2, num_actions=4)(FEATURES, torch.zeros(2, 2))
