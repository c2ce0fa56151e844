import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("torchvision", reason="training needs torchvision: make test installs it")

from tiny_model import tiny_card
from vit_perception.data.classes import GROUND
from vit_perception.data.coco import Cutout, Photograph
from vit_perception.model import build_model
from vit_perception.runtime.preprocess import scaled
from vit_perception.training.learning_rate import LearningRate, parameter_groups
from vit_perception.training.losses import mask_class_weights, total_loss
from vit_perception.training.sampler import Sampler
from vit_perception.training.schedule import Schedule
from vit_perception.training.validation import predict

SCHEDULE = Schedule(batch_size=4)


def photographs():
    rgb = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    semantic = np.full((60, 80), GROUND, np.uint8)
    semantic[10:40, 10:40] = 2
    cutout = Cutout(rgb[10:40, 10:40], np.ones((30, 30), bool), 2)
    boxes, class_ids = np.array([[10, 10, 40, 40]], np.float32), np.array([2])
    labelled = Photograph("a", rgb, semantic, boxes, class_ids, True, (cutout,))
    bare = dataclasses.replace(
        labelled, name="b", semantic=np.full_like(semantic, 255), labelled=False, cutouts=()
    )
    return [labelled, bare]


def test_one_seed_one_sequence():
    first, second = (Sampler(photographs(), tiny_card(), SCHEDULE) for _ in range(2))
    for _ in range(3):
        assert torch.equal(first.draw(1.0).image, second.draw(1.0).image)
    other = Sampler(photographs(), tiny_card(), dataclasses.replace(SCHEDULE, seed=1))
    assert not torch.equal(
        Sampler(photographs(), tiny_card(), SCHEDULE).draw(1.0).image, other.draw(1.0).image
    )


@pytest.mark.parametrize(
    ("scale", "sizes"), [(1.0, {(84, 112), (112, 84)}), (0.75, {(56, 84), (70, 84), (84, 56), (84, 70)})]
)
def test_sizes_are_whole_patches_of_the_card(scale, sizes):
    sampler = Sampler(photographs(), tiny_card(), SCHEDULE)
    assert {tuple(sampler.draw(scale).image.shape[-2:]) for _ in range(6)} <= sizes


def test_scaled_rounds_to_patches():
    assert scaled((336, 448), 0.75, 14) == (252, 336)
    assert scaled((294, 504), 0.75, 14) == (224, 378)


def test_a_few_steps_learn():
    torch.manual_seed(0)
    card, pictures = tiny_card(), photographs()
    model = build_model(card.architecture).train()
    sampler, weights = Sampler(pictures, card, SCHEDULE), mask_class_weights(pictures, torch.device("cpu"))
    batch = sampler.draw(1.0)
    optimiser = torch.optim.AdamW(parameter_groups(model, LearningRate(backbone=1e-3)))
    losses = []
    for _ in range(30):
        loss, _ = total_loss(model(batch.image), batch, weights)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_predictions_in_training_are_in_source_pixels():
    card = tiny_card()
    perception = predict(build_model(card.architecture).eval(), card, photographs()[0].rgb)
    assert perception.image_size == (60, 80)
    assert perception.segmentation.mask.shape == (60, 80)
    assert perception.detection.boxes[:, 2:].max() <= 80


def test_a_run_ends_with_its_steps_or_its_minutes():
    schedule = Schedule(steps=100, minutes=10)
    assert schedule.progress(25, 1) == 0.25
    assert schedule.progress(25, 9) == 0.9
    assert schedule.progress(101, 1) == 1


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"steps": 0}, "steps must be positive, not 0"),
        ({"ema_decay": 1.0}, "ema_decay must be at least 0 and below 1"),
        ({"scales": (2.0, 1.0)}, "the smaller one first"),
    ],
)
def test_a_schedule_names_the_wrong_value(setting, reason):
    with pytest.raises(ValueError, match=reason):
        Schedule(**setting)
