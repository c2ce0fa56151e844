"""A student learns the classes and tokens of a teacher, and the model that is published is like any other."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("torchvision", reason="training needs torchvision: make test installs it")

from safetensors.torch import save_file

from training.small_dataset import BALL, BOX, SPACE, STRIDES, DenseDataset, small_card
from training.small_run import run
from training.small_teacher import teacher_folder
from training.test_loop import ALONE, CONFIG, losses, start
from vit_perception.backbones.registry import make_backbone
from vit_perception.backbones.vit import ViTConfig
from vit_perception.cards.card import load_card
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.model import build_model
from vit_perception.runtime.engines.torch import load_model
from vit_perception.training.config import Augmentation
from vit_perception.training.distillation import Distillation
from vit_perception.training.distiller import kept_features, make_distiller
from vit_perception.training.index import make_index
from vit_perception.training.learning_rate import LearningRate
from vit_perception.training.mask_classes import MaskClasses
from vit_perception.training.run_folder import RunFolder
from vit_perception.training.stream import Views, batches, keys
from vit_perception.training.targets import Collate
from vit_perception.training.teacher import load_teacher
from vit_perception.training.trainer import Trainer

torch.set_num_threads(1)
CARD = small_card()
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return str(teacher_folder(tmp_path_factory.mktemp("teacher")))


def distiller_of(lessons, space=SPACE, dim=16):
    return make_distiller(lessons, space, CARD, dim, CPU)


def trainer_of(config, distilled=False):
    """A trainer of the small student, perhaps with a distillation token, and its batches."""
    torch.manual_seed(1)
    settings = {**CARD.architecture["backbone"], "distilled": distilled}
    model, dataset = build_model({**CARD.architecture, "backbone": settings}), DenseDataset()
    index = make_index(dataset)
    distiller = config.distillation and distiller_of(config.distillation)
    trainer = Trainer(model, config, MaskClasses.of(index.shares.sum(0)), ALONE, distiller)
    views = Views(dataset, range(8), index, CARD, config)
    collate = Collate(SPACE, CARD.mean, CARD.std, CARD.patch_size / 4, STRIDES)
    return trainer, batches(views, collate, keys(config, 0), 0)


@pytest.mark.parametrize(
    ("lessons", "part"),
    [
        ({"kind": "soft", "temperature": 2.0, "weight": 5.0}, "taught"),
        ({"kind": "hard", "weight": 5.0}, "taught"),
        ({"weight": 0.0, "features": 5.0}, "tokens"),
    ],
)
@pytest.mark.parametrize("distilled", [False, True])
def test_the_student_becomes_like_the_teacher(teacher, lessons, part, distilled):
    calm = Augmentation(mosaic=0, paste=0, colour=0, stretch=0, zoom=(0.9, 1.1))
    config = dataclasses.replace(
        CONFIG,
        steps=24,
        augmentation=calm,
        dropout=False,
        learning_rate=LearningRate(heads=2e-2, backbone=2e-3, warmup=0.1),
        distillation=Distillation(teacher, **lessons),
    )
    trainer, source = trainer_of(config, distilled)
    found = [float(trainer.step(i, (i + 0.5) / 24, [next(source)])[part]) for i in range(24)]
    assert np.mean(found[-5:]) < 0.9 * np.mean(found[:5])


def test_a_killed_run_goes_on_with_the_same_losses(tmp_path, teacher):
    lessons = Distillation(teacher, temperature=2.0, features=1.0)
    config = dataclasses.replace(CONFIG, distillation=lessons)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(whole, config)
    assert start(killed, config, "3").returncode == -9
    went_on = start(killed, config)
    assert went_on.returncode == 0, went_on.stderr
    expected, found = losses(whole), losses(killed)
    assert list(found) == list(expected) == [1, 2, 3, 4, 5, 6]
    assert list(found.values()) == pytest.approx(list(expected.values()), abs=1e-6)
    first, second = (torch.load(path / "last.pt", weights_only=True) for path in (whole, killed))
    torch.testing.assert_close(second["projection"], first["projection"], rtol=0, atol=1e-6)


def test_two_processes_are_one_with_twice_the_batch(tmp_path, teacher):
    lessons = Distillation(teacher, weight=1.0, features=1.0)
    config = dataclasses.replace(CONFIG, dropout=False, steps=4, distillation=lessons)
    one, two = tmp_path / "one", tmp_path / "two"
    run(one, dataclasses.replace(config, batch_size=4))
    result = start(two, config, processes=2)
    assert result.returncode == 0, result.stderr
    assert list(losses(two).values()) == pytest.approx(list(losses(one).values()), abs=1e-5)
    first, second = (torch.load(path / "last.pt", weights_only=True)["projection"] for path in (one, two))
    torch.testing.assert_close(second, first, rtol=0, atol=1e-4)


def test_accumulated_gradients_are_those_of_the_whole_batch(teacher):
    lessons = Distillation(teacher, features=1.0)
    config = dataclasses.replace(CONFIG, dropout=False, distillation=lessons)
    whole, source = trainer_of(dataclasses.replace(config, batch_size=4))
    parts, pieces = trainer_of(dataclasses.replace(config, accumulation=2))
    for step in range(3):
        expected = whole.step(step, 0.5, [next(source)])
        found = parts.step(step, 0.5, list(itertools.islice(pieces, 2)))
        for name in ("taught", "tokens", "loss"):
            assert float(found[name]) == pytest.approx(float(expected[name]), abs=1e-5), name


def test_model_and_checkpoint_are_those_of_any_run(tmp_path, teacher):
    lessons = Distillation(teacher, features=1.0)
    run(tmp_path / "plain", dataclasses.replace(CONFIG, steps=2))
    run(tmp_path / "taught", dataclasses.replace(CONFIG, steps=2, distillation=lessons))
    plain, taught = (
        torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("plain", "taught")
    )
    assert set(plain) == {"standing", "model", "average", "optimiser"}
    assert set(taught) - set(plain) == {"projection"}
    assert {name: value.shape for name, value in taught["model"].items()} == {
        name: value.shape for name, value in plain["model"].items()
    }
    best = RunFolder(tmp_path / "taught").load_best()["model"]
    assert set(best) == set(plain["model"]), "what is published"


def with_teacher(lessons, outputs, image=None):
    """The loss of one batch of grey pictures, and its parts."""
    model = build_model(CARD.architecture)
    image = torch.zeros(2, 3, 84, 112) if image is None else image
    with kept_features(model.backbone) as kept:
        model(image)
    return distiller_of(lessons)(image, outputs, kept[0], 2)


def its_logits(teacher):
    card = load_card(teacher)
    with torch.no_grad():
        logits = load_model(card)(torch.zeros(2, 3, 84, 112))["classification"]
    return logits / card.decoding.classification.temperature


def test_soft_is_least_where_the_probabilities_are_the_teachers(teacher):
    logits = its_logits(teacher).requires_grad_()
    loss, _ = with_teacher(Distillation(teacher, temperature=3.0), {"classification": logits})
    loss.backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), rtol=0, atol=1e-6)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    moved, _ = with_teacher(Distillation(teacher, temperature=3.0), {"classification": logits + 1})
    assert moved > 0.01


def test_hard_has_the_decisions_at_the_threshold_of_the_card(tmp_path, teacher):
    probabilities = its_logits(teacher).sigmoid()
    threshold = round(
        float(probabilities[0].sort().values[1:3].mean()), 3
    )  # two classes are there, two are not
    strict = teacher_folder(tmp_path, thresholds={"classification": threshold, "detection": 0.5})
    zeros = torch.zeros(2, 4, requires_grad=True)
    loss, _ = with_teacher(Distillation(str(strict), kind="hard"), {"classification": zeros})
    loss.backward()
    assert torch.equal(zeros.grad < 0, probabilities >= threshold)
    assert (zeros.grad < 0).sum() == 4


def test_only_classes_that_both_have_are_taught(teacher):
    space = LabelSpace((Label("robot"), Label("ball"), Label("crate", aliases=("box",))))
    distiller = distiller_of(Distillation(teacher), space)
    assert distiller.taught.tolist() == [False, True, True]
    logits = torch.zeros(2, 3)
    logits[:, [1, 2]] = its_logits(teacher)[:, [BALL, BOX]]
    logits.requires_grad_()
    loss, _ = distiller(torch.zeros(2, 3, 84, 112), {"classification": logits}, None, 2)
    loss.backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), rtol=0, atol=1e-6)


def test_the_distillation_token_learns_from_the_teacher_and_the_other_from_labels(teacher):
    """Labels that say the opposite change only the head of the class token."""
    config = dataclasses.replace(
        CONFIG, dropout=False, distillation=Distillation(teacher, weight=1.0), batch_size=4
    )
    gradients = []
    for opposite in (False, True):
        trainer, source = trainer_of(config, distilled=True)
        batch = next(source)
        if opposite:
            batch = dataclasses.replace(batch, present=1 - batch.present)
        trainer.step(0, 0.5, [batch])
        head = trainer.model.heads["classification"]
        gradients.append((head.head.bias.grad.clone(), head.head_dist.bias.grad.clone()))
    (labels, taught), (other_labels, other_taught) = gradients
    assert taught.abs().min() > 0
    # Clipping scales both alike.
    ratio = taught / other_taught
    torch.testing.assert_close(ratio, ratio[:1].expand(4), rtol=1e-3, atol=0)
    assert (labels.sign() != other_labels.sign()).any()


def test_a_teacher_sees_the_pictures_in_its_own_range_and_patches(tmp_path):
    backbone = {"patch_size": 16}
    folder = teacher_folder(
        tmp_path, backbone=backbone, patch_size=16, input_sizes=((96, 112),), mean=(0.5,) * 3, std=(0.25,) * 3
    )
    card = load_card(folder)
    teacher = load_teacher(str(folder), CPU)
    pixels = torch.rand(2, 3, 96, 112)
    mine = (pixels - torch.tensor(CARD.mean)[:, None, None]) / torch.tensor(CARD.std)[:, None, None]
    with torch.no_grad():
        expected = load_model(card)((pixels - 0.5) / 0.25)["classification"]
    features, logits = teacher(mine, CARD.mean, CARD.std)
    torch.testing.assert_close(
        logits * card.decoding.classification.temperature, expected, rtol=1e-4, atol=1e-4
    )
    assert features.grid == (6, 7)
    assert not logits.requires_grad
    assert teacher(mine[:, :, :84], CARD.mean, CARD.std)[0].grid == (5, 7)
    # Its 5x7 tokens are learned at the student's 6x8 places.
    lessons = Distillation(str(folder), weight=0.0, features=2.0)
    loss, parts = with_teacher(lessons, {"classification": torch.zeros(2, 4)}, torch.randn(2, 3, 84, 112))
    assert set(parts) == {"tokens"}
    assert loss.item() == pytest.approx(2 * float(parts["tokens"]))


def test_a_backbone_teaches_its_tokens_alone(tmp_path):
    encoder = make_backbone(ViTConfig(patch_size=16, embed_dim=64, depth=2, num_heads=1, pos_grid=(4, 4)))
    save_file(encoder.state_dict(), tmp_path / "encoder.safetensors")
    source = str(tmp_path / "encoder.safetensors")
    assert distiller_of(Distillation(source, weight=0.0, features=1.0)).projection.out_features == 64
    with pytest.raises(
        ValueError, match=r"encoder\.safetensors knows no classes: set weight: 0 and features: 1"
    ):
        distiller_of(Distillation(source))


def test_a_wrong_teacher_is_one_clear_sentence(teacher):
    with pytest.raises(FileNotFoundError, match="distillation: nothing_like_it is neither a file nor a name"):
        distiller_of(Distillation("nothing_like_it"))
    with pytest.raises(ValueError, match="knows none of the labels: set weight: 0"):
        distiller_of(Distillation(teacher), LabelSpace((Label("robot"),)))
