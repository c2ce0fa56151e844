"""RGB-D: the depth is used where it is, and not missed where it is not."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.backbones.features import TokenFeatures
from vit_perception.heads.depth_fusion import DepthFusion
from vit_perception.model import build_model

ARCHITECTURE = {
    "backbone": {
        "family": "vit",
        "patch_size": 8,
        "embed_dim": 16,
        "depth": 2,
        "num_heads": 2,
        "pos_grid": [4, 4],
    },
    "pyramid": {"layers": [0, 1], "width": 16, "fine_width": 16},
    "num_classes": 5,
    "num_things": 2,
    "num_actions": 4,
    "depth": True,
}
IMAGE = torch.randn(2, 3, 24, 40, generator=torch.Generator().manual_seed(0))
DEPTH = 1.0 + 4.0 * torch.rand(2, 1, 24, 40, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_model(ARCHITECTURE).eval()


def test_depth_changes_what_navigation_says_and_nothing_else(model):
    without, near, far = (model(IMAGE, depth=depth) for depth in (None, DEPTH, DEPTH * 3))
    for name, value in without.items():
        if name.startswith("navigation"):
            assert not torch.allclose(value, near[name], atol=1e-5)
            assert not torch.allclose(near[name], far[name], atol=1e-5)
        else:
            assert torch.equal(value, near[name])


@pytest.mark.parametrize("invalid", [0.0, float("nan"), float("inf"), -1.0])
def test_a_frame_without_a_valid_pixel_is_a_frame_without_depth(model, invalid):
    nothing = torch.full_like(DEPTH, invalid)
    for name, value in model(IMAGE, depth=nothing).items():
        assert torch.allclose(value, model(IMAGE)[name], atol=1e-6), name


def test_a_hole_spoils_nothing_beyond_itself(model):
    holed = DEPTH.clone()
    holed[:, :, :8, :8] = float("nan")
    outputs = model(IMAGE, depth=holed)
    assert all(value.isfinite().all() for value in outputs.values())
    emptied = DEPTH.clone()
    emptied[:, :, :8, :8] = 0.0
    for name, value in model(IMAGE, depth=emptied).items():
        assert torch.equal(value, outputs[name])


def test_one_broken_sample_leaves_the_others_alone(model):
    mixed = DEPTH.clone()
    mixed[0] = 0.0
    alone, together = model(IMAGE[1:], depth=DEPTH[1:]), model(IMAGE, depth=mixed)
    assert torch.allclose(alone["navigation_action"][0], together["navigation_action"][1], atol=1e-5)


def test_where_something_is_near_matters(model):
    mirrored = model(IMAGE, depth=DEPTH.flip(-1))["navigation_action"]
    assert not torch.allclose(mirrored, model(IMAGE, depth=DEPTH)["navigation_action"], atol=1e-6)


def test_any_depth_size(model):
    assert model(IMAGE, depth=DEPTH[:, :, :19, :33])["navigation_action"].shape == (2, 4)


def test_training_withholds_depth_now_and_then():
    torch.manual_seed(0)
    fusion = DepthFusion(16, 2, 8, drop_depth=0.5).train()
    tokens = torch.randn(64, 15, 16)
    features = TokenFeatures(tokens.mean(dim=1), tokens[:, :0], tokens, (3, 5))
    depth = DEPTH[:1].expand(64, -1, -1, -1)
    missing = fusion(features, None).patch_tokens
    dropped = (fusion(features, depth).patch_tokens - missing).abs().amax(dim=(1, 2)) < 1e-5
    assert 16 < int(dropped.sum()) < 48


def test_every_parameter_learns_from_frames_with_and_without_depth():
    model = build_model(ARCHITECTURE)
    model.depth_fusion.drop_depth = 0.0
    total = sum(v.square().mean() for v in model(IMAGE, depth=DEPTH).values())
    total = total + sum(v.square().mean() for v in model(IMAGE).values())
    total.backward()
    fusion = dict(model.depth_fusion.named_parameters())
    assert not [name for name, p in fusion.items() if p.grad is None or not p.grad.abs().sum() > 0]


def test_wrong_depth_is_refused(model):
    with pytest.raises(ValueError, match=r"depth has shape \(2, 24, 40\), not \(2, 1, H, W\)"):
        model(IMAGE, depth=DEPTH[:, 0])
    plain = build_model({name: value for name, value in ARCHITECTURE.items() if name != "depth"})
    with pytest.raises(ValueError, match="no depth input"):
        plain(IMAGE, depth=DEPTH)
    with pytest.raises(ValueError, match=r"drop_depth 1\.0"):
        DepthFusion(16, 2, 8, drop_depth=1.0)
