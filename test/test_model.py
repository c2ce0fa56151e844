import copy

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.backbones.registry import build_backbone
from vit_perception.heads.classification import ClassificationHead
from vit_perception.heads.pyramid import PyramidConfig
from vit_perception.heads.segmentation import PyramidDecoder
from vit_perception.model import PerceptionModel, build_model

ARCHITECTURE = {
    "backbone": {
        "family": "vit",
        "patch_size": 14,
        "embed_dim": 16,
        "depth": 2,
        "num_heads": 2,
        "pos_grid": [4, 4],
    },
    "pyramid": {"layers": [0, 1], "width": 16, "fine_width": 16},
    "num_classes": 5,
    "num_things": 2,
    "num_actions": 4,
}


def test_one_forward_answers_every_task():
    model = build_model(ARCHITECTURE).eval()
    seen = []
    model.backbone.register_forward_hook(lambda *_: seen.append(1))
    outputs = model(torch.randn(1, 3, 42, 70), attention=True)
    assert len(seen) == 1
    assert {name: tuple(value.shape[1:]) for name, value in outputs.items()} == {
        "classification": (5,),
        "detection_boxes": (15 * 4 + 15 + 2 * 3, 4),
        "detection_scores": (15 * 4 + 15 + 2 * 3, 2),
        "segmentation": (5, 12, 20),
        "navigation_action": (4,),
        "navigation_collision": (1,),
        "navigation_goal_distance": (1,),
        "attention": (2, 3, 5),
    }


def test_every_parameter_gets_a_gradient():
    model = build_model(ARCHITECTURE)
    image = torch.randn(2, 3, 42, 42)
    total = sum(v.square().mean() for v in model(image).values())
    total = total + sum(v.square().mean() for v in model(image, goal=torch.ones(2, 3)).values())
    total.backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


def test_any_subset_of_heads_is_a_model():
    backbone = build_backbone(ARCHITECTURE["backbone"])
    model = PerceptionModel(backbone, {"classification": ClassificationHead(16, 3)}).eval()
    assert set(model(torch.randn(1, 3, 14, 14))) == {"classification"}


def test_dense_head_without_pyramid_is_refused():
    backbone = build_backbone(ARCHITECTURE["backbone"])
    head = PyramidDecoder(PyramidConfig(layers=(0,)), 3)
    with pytest.raises(ValueError, match="'segmentation' reads a feature pyramid"):
        PerceptionModel(backbone, {"segmentation": head})
    with pytest.raises(ValueError, match="unknown head 'depth'"):
        PerceptionModel(backbone, {"depth": head})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("pyramid"), "architecture lacks pyramid"),
        (lambda a: a.update(wings=2), "architecture has unknown fields: wings"),
        (lambda a: a.update(pooling=["gem"]), "unknown pooling 'gem'"),
        (lambda a: a.update(decoder="unet"), "unknown decoder 'unet'"),
        (lambda a: a["backbone"].update(wings=2), "wings"),
        (
            lambda a: a["pyramid"].update(layers=[7]),
            "pyramid layer 7 does not exist: the backbone has 2",
        ),
    ],
)
def test_wrong_architecture_names_the_field(change, message):
    architecture = copy.deepcopy(ARCHITECTURE)
    change(architecture)
    with pytest.raises(ValueError, match=message):
        build_model(architecture)
