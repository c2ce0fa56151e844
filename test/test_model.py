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


NAVIGATION = {"history": 1, "beams": 4, "waypoints": 2, "width": 16}


def without_gradient(model):
    parameters = model.named_parameters()
    return [name for name, each in parameters if each.grad is None or not each.grad.abs().sum() > 0]


def test_every_parameter_gets_a_gradient():
    model = build_model(ARCHITECTURE)
    sum(v.square().mean() for v in model(torch.randn(2, 3, 42, 42)).values()).backward()
    # A goal reaches this head through no input of the model; see test_action.py.
    assert without_gradient(model) == [f"heads.navigation.goal_embed.{name}" for name in ("weight", "bias")]
    assert model.inputs == ()
    assert model.navigation is None


def test_every_parameter_of_a_model_with_a_navigator_gets_a_gradient():
    model = build_model({**ARCHITECTURE, "navigation": NAVIGATION})
    assert model.inputs == ("depth", "goal", "history")
    image, depth = torch.randn(2, 3, 42, 42), torch.rand(2, 1, 42, 42) + 1
    inputs = {"depth": depth, "goal": torch.ones(2, 4), "history": torch.ones(2, 1, 17)}
    found = [model(image, **inputs), model(image)]
    sum(v.square().mean() for outputs in found for v in outputs.values()).backward()
    assert not without_gradient(model)


def test_a_navigator_changes_no_other_answer():
    torch.manual_seed(0)
    model = build_model({**ARCHITECTURE, "navigation": NAVIGATION}).eval()
    image, depth = torch.randn(2, 3, 42, 42), torch.rand(2, 1, 42, 42) + 1
    without, found = model(image), model(image, depth=depth)
    for name, value in without.items():
        assert torch.equal(value, found[name]) != name.startswith("navigation"), name


def test_an_input_that_the_model_does_not_take_is_refused():
    with pytest.raises(ValueError, match=r"this model has no input depth: it takes image$"):
        build_model(ARCHITECTURE)(torch.zeros(1, 3, 42, 42), depth=torch.zeros(1, 1, 42, 42))


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
        (lambda a: a.update(navigation=True), "navigation is True: give a mapping of its fields"),
        (lambda a: a.update(navigation={"beams": 0}), "navigation: beams must be a positive whole number"),
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
