"""One pyramid for plain and hierarchical backbones."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from backbones.small import small
from vit_perception.backbones.backbone import FeatureInfo
from vit_perception.backbones.features import TokenFeatures
from vit_perception.backbones.registry import build_backbone
from vit_perception.heads.detection import DetectionHead
from vit_perception.heads.pyramid import PyramidConfig, TopDownPyramid, make_pyramid

VIT = {"family": "vit", "patch_size": 8, "embed_dim": 16, "depth": 3, "num_heads": 2, "pos_grid": [3, 5]}


def shapes(levels):
    return {name: tuple(level.shape[1:]) for name, level in levels.items()}


def test_a_plain_vit_gives_levels_around_its_stride():
    backbone = build_backbone(VIT).eval()
    pyramid = make_pyramid(PyramidConfig(layers=(0, 2), width=16, fine_width=8), backbone).eval()
    assert shapes(pyramid(backbone(torch.randn(1, 3, 24, 40), layers=(0, 2)))) == {
        "p2": (8, 12, 20),
        "p3": (16, 6, 10),
        "p4": (16, 3, 5),
        "p5": (16, 2, 3),  # odd grids round up: the last cells hang over the edge
        "p6": (16, 1, 2),
    }
    assert pyramid.strides == {"p2": 2.0, "p3": 4.0, "p4": 8.0, "p5": 16.0, "p6": 32.0}


def stages(*sizes):
    """Features of four stages of these sizes."""
    maps = {index: torch.randn(1, 4 << index, *size) for index, size in enumerate(sizes)}
    last = maps[3].flatten(2).transpose(1, 2)
    return TokenFeatures(last.mean(dim=1), last[:, :0], last, sizes[3], maps)


def top_down():
    torch.manual_seed(0)
    info = [FeatureInfo(4 << index, 4 << index) for index in range(4)]
    return TopDownPyramid(PyramidConfig(layers=(0, 1, 2, 3), width=16, fine_width=8), info).eval()


def test_stages_keep_their_sizes_odd_ones_too():
    levels = top_down()(stages((13, 17), (7, 9), (4, 5), (2, 3)))
    assert shapes(levels) == {
        "p2": (8, 13, 17),
        "p3": (16, 7, 9),
        "p4": (16, 4, 5),
        "p5": (16, 2, 3),
        "p6": (16, 1, 2),
    }
    assert top_down().strides == {"p2": 4.0, "p3": 8.0, "p4": 16.0, "p5": 32.0, "p6": 64.0}


def test_three_stages_make_a_pyramid_too():
    backbone = small("cvt").eval()
    pyramid = make_pyramid(PyramidConfig(layers=(0, 1, 2), width=16, fine_width=8), backbone).eval()
    assert shapes(pyramid(backbone(torch.randn(1, 3, 48, 80), layers=(0, 1, 2)))) == {
        "p2": (8, 12, 20),
        "p3": (16, 6, 10),
        "p4": (16, 3, 5),
        "p5": (16, 2, 3),
        "p6": (16, 1, 2),
    }


def test_layers_of_one_stride_make_one_level_together():
    backbone = small("hybrid").eval()
    layers = (0, 1, 2, 5)  # convolutions at strides 8, 16 and 32, and the last block
    pyramid = make_pyramid(PyramidConfig(layers=layers, width=16, fine_width=8), backbone).eval()
    features = backbone(torch.randn(1, 3, 64, 96), layers=layers)
    before = pyramid(features)
    assert shapes(before) == {
        "p2": (8, 8, 12),
        "p3": (16, 4, 6),
        "p4": (16, 2, 3),
        "p5": (16, 1, 2),
        "p6": (16, 1, 1),
    }
    for layer in (2, 5):
        features.maps[layer].add_(1.0)
        changed = pyramid(features)
        assert not torch.allclose(changed["p4"], before["p4"])
        before = changed


@pytest.mark.parametrize("family", ["vit", "hybrid"])
def test_separable_convolutions_have_few_weights(family):
    backbone = small(family)
    layers = (0, 1, 2, 5) if family == "hybrid" else (1, 2)
    sizes = []
    for separable in (False, True):
        config = PyramidConfig(layers, 64, 64, detection_levels=("p2",), separable=separable)
        pyramid = make_pyramid(config, backbone)
        features = backbone(torch.randn(1, 3, 64, 96), layers=layers)
        head = DetectionHead(config, pyramid.strides, num_things=2)
        assert head(pyramid(features))["detection_scores"].isfinite().all()
        sizes.append([sum(p.numel() for p in module.parameters()) for module in (pyramid, head)])
    assert all(few < many / 2 for many, few in zip(*sizes, strict=True))


def test_what_the_coarsest_stage_knows_reaches_the_finest_level():
    features = stages((8, 8), (4, 4), (2, 2), (1, 1))
    before = top_down()(features)["p2"]
    features.maps[3].add_(1.0)
    assert not torch.allclose(before, top_down()(features)["p2"])


def test_layers_that_make_no_pyramid_are_refused():
    backbone = build_backbone(VIT)
    with pytest.raises(ValueError, match="pyramid layer 3 does not exist: the backbone has 3"):
        make_pyramid(PyramidConfig(layers=(3,)), backbone)
    backbone.feature_info = tuple(FeatureInfo(8, stride) for stride in (4, 8, 16, 32))
    assert isinstance(make_pyramid(PyramidConfig(layers=(0, 1, 2, 3)), backbone), TopDownPyramid)
    with pytest.raises(
        ValueError, match=r"layers \[1, 3\] have strides \[8, 32\]: choose layers of one stride, or of"
    ):
        make_pyramid(PyramidConfig(layers=(1, 3)), backbone)


def test_detection_levels_are_checked():
    with pytest.raises(ValueError, match=r"detection_levels \('p7',\)"):
        PyramidConfig(layers=(0,), detection_levels=("p7",))
    with pytest.raises(ValueError, match="set fine_width to 16, not 8"):
        PyramidConfig(layers=(0,), width=16, fine_width=8, detection_levels=("p2", "p3"))


def test_objects_are_looked_for_where_the_card_says():
    config = PyramidConfig(layers=(2,), width=16, fine_width=16, detection_levels=("p2", "p4", "p6"))
    backbone = build_backbone(VIT)
    pyramid = make_pyramid(config, backbone)
    head = DetectionHead(config, pyramid.strides, num_things=2)
    levels = pyramid(backbone(torch.randn(1, 3, 24, 40), layers=(2,)))
    cells = 12 * 20 + 3 * 5 + 1 * 2
    outputs = head.train()(levels)
    assert outputs["detection_boxes"].shape == (1, cells, 4)
    assert outputs["detection_centres"].shape == (cells, 2)
    assert outputs["detection_centres"][0].tolist() == [1.0, 1.0]
    assert outputs["detection_centres"][-1].tolist() == [48.0, 16.0]
    assert "detection_centres" not in head.eval()(levels)
