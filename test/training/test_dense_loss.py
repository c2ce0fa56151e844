"""Dense labels teach the classes that they know, in every cell, and nothing else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("torchvision", reason="training needs torchvision: make test installs it")

from training.small_dataset import (
    BALL,
    BOX,
    EVERYTHING,
    SPACE,
    STRIDES,
    DenseDataset,
    dense_labels,
    small_card,
)
from training.small_dataset import (
    known as known_of,
)
from vit_perception.data.annotation import Annotation
from vit_perception.model import build_model
from vit_perception.training.augment import affine_view
from vit_perception.training.config import Augmentation, LossWeights, TrainingConfig
from vit_perception.training.examples import Example
from vit_perception.training.index import load_index, make_index, save_index
from vit_perception.training.losses import Counts, total_loss
from vit_perception.training.mask_classes import MaskClasses
from vit_perception.training.ragged import Ragged
from vit_perception.training.run import detection_strides
from vit_perception.training.stream import Views
from vit_perception.training.targets import Collate

COLLATE = Collate(SPACE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 3.5, STRIDES)
STILL = Augmentation(stretch=0.0, mirror=0.0)
HEIGHT, WIDTH = 56, 84
OBJECT = {"boxes": np.array([[14, 14, 42, 42]], np.float32), "class_ids": np.array([BALL])}
ALIKE = MaskClasses.of(np.ones(4))


def labels(knows=(BOX, BALL)):
    """A detector with cells of 14 pixels that is sure of a ball in the 2 x 2 cells inside its box."""
    found = dense_labels(OBJECT["boxes"], OBJECT["class_ids"], (HEIGHT, WIDTH), 14)
    return found.renamed(np.arange(256), np.array(knows, np.int64))


def example(knows=(BOX, BALL), **annotation):
    rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    rgb[14:42, 14:42] = 220
    known = dataclasses.replace(known_of({BOX, BALL}, set()), dense=frozenset(knows))
    return Example(rgb, Annotation(dense=labels(knows=knows), **annotation), known)


def batch(*examples):
    rng = np.random.default_rng(0)
    return COLLATE([affine_view(each, (HEIGHT, WIDTH), rng, (1, 1), STILL) for each in examples])


def outputs(made, seed=0):
    torch.manual_seed(seed)
    shape = made.dense.shape
    centres = torch.cat(
        [
            torch.stack(
                torch.meshgrid(torch.arange(-(-WIDTH // s)), torch.arange(-(-HEIGHT // s)), indexing="xy"), -1
            ).reshape(-1, 2)
            * s
            + s / 2
            for s in (7, 14, 28)
        ]
    ).float()
    boxes = torch.cat([centres - 10, centres + 10], dim=1)[None].repeat(shape[0], 1, 1)
    return {
        "detection_boxes": boxes.requires_grad_(),
        "detection_scores": torch.randn(shape).requires_grad_(),
        "detection_centres": centres,
        "segmentation": torch.randn(shape[0], 4, 16, 24),
        "classification": torch.randn(shape[0], 4),
        "navigation_action": torch.randn(shape[0], 4),
        "navigation_collision": torch.randn(shape[0], 1),
    }


def gradients(made):
    given = outputs(made)
    loss, parts = total_loss(given, made, ALIKE, Counts.of([made], ALIKE), LossWeights())
    loss.backward()
    return given["detection_scores"].grad, given["detection_boxes"].grad, parts


def test_dense_labels_teach_in_place_of_the_boxes_of_the_classes_that_they_know():
    made = batch(example(**OBJECT))
    assert made.dense.taught.tolist() == [[True, True]]
    assert made.boxes.counts == (0,)
    assert made.known_boxes.tolist() == [[False, False]]
    assert made.present[0, BALL] == 1, "the box still tells what is in the picture"
    # The level of 14 pixels comes after 8 rows of 12 cells.
    cells = {8 * 12 + row * 6 + column for row in (1, 2) for column in (1, 2)}
    assert {(0, cell, 1) for cell in cells} == set(map(tuple, made.dense.places.tolist()))
    np.testing.assert_allclose(made.dense.scores, 0.9, atol=1e-3)
    scores, boxes, parts = gradients(made)
    assert (scores != 0).all()
    assert set((boxes[0] != 0).any(-1).nonzero().flatten().tolist()) == cells
    assert parts["scores"] == parts["boxes"] == 0
    assert (scores[0, :, 0] > 0).all(), "everywhere else there is nothing"


def test_a_class_that_the_detector_does_not_know_learns_from_boxes():
    made = batch(example(knows=(BOX,), **OBJECT))
    assert made.dense.taught.tolist() == [[True, False]]
    assert len(made.dense.places) == 0
    assert made.columns.values.tolist() == [1]
    assert made.known_boxes.tolist() == [[False, True]]
    nothing = {name: Ragged(getattr(made, name).values[:0], (0,)) for name in ("boxes", "columns", "scores")}
    unknown = dataclasses.replace(made, **nothing, known_boxes=torch.zeros(1, 2, dtype=torch.bool))
    scores, boxes, _ = gradients(unknown)
    assert (scores[..., 1] == 0).all()
    assert (scores[..., 0] > 0).all()
    assert (boxes == 0).all()


def test_a_picture_without_dense_labels_beside_one_with_them():
    plain = example(knows=(), **OBJECT)
    plain = Example(plain.rgb, dataclasses.replace(plain.annotation, dense=None), plain.known)
    made = batch(plain, example())
    assert made.dense.taught.tolist() == [[False, False], [True, True]]
    assert made.dense.places[:, 0].unique().tolist() == [1]
    assert [len(boxes) for boxes in made.boxes] == [1, 0]
    assert batch(plain).dense is None


def test_two_classes_of_the_detector_that_are_one_here_give_the_better_score():
    made = batch(example())
    again = dataclasses.replace(
        made.dense,
        places=made.dense.places.repeat(2, 1),
        scores=torch.cat([made.dense.scores, made.dense.scores / 2]),
    )
    _, _, parts = gradients(made)
    given = outputs(made)
    counts = Counts.of([made], ALIKE)
    _, repeated = total_loss(given, dataclasses.replace(made, dense=again), ALIKE, counts, LossWeights())
    assert repeated["dense"] == pytest.approx(float(parts["dense"]))


def test_a_step_has_one_loss_however_its_pictures_are_spread():
    pictures = [example(), example(knows=(BOX,)), example(**OBJECT)]
    whole = batch(*pictures)
    counts = Counts.of([whole], ALIKE)
    parts = [batch(each) for each in pictures]
    assert Counts.of(parts, ALIKE).dense == pytest.approx(counts.dense)
    given = outputs(whole)
    total = total_loss(given, whole, ALIKE, counts, LossWeights())[1]["dense"]
    spread = 0.0
    for place, part in enumerate(parts):
        mine = {
            name: value if name == "detection_centres" else value[place : place + 1]
            for name, value in given.items()
        }
        spread += float(total_loss(mine, part, ALIKE, counts, LossWeights())[1]["dense"])
    assert spread == pytest.approx(float(total), rel=1e-5)


def test_another_number_of_cells_is_refused():
    made = batch(example())
    given = outputs(made)
    given["detection_scores"] = given["detection_scores"][:, 1:]
    given["detection_boxes"] = given["detection_boxes"][:, 1:]
    given["detection_centres"] = given["detection_centres"][1:]
    with pytest.raises(ValueError, match="delete the folder dense"):
        total_loss(
            given,
            made,
            ALIKE,
            Counts.of([made], ALIKE),
            LossWeights(),
        )


@pytest.mark.parametrize("size", [(56, 84), (70, 98)])
def test_the_cells_are_those_of_the_model(size):
    model = build_model(small_card().architecture).train()
    assert detection_strides(model) == STRIDES
    made = COLLATE([affine_view(example(), size, np.random.default_rng(0), (1, 1), STILL)])
    assert model(made.image)["detection_scores"].shape == made.dense.shape


@pytest.fixture
def _one_thread():
    """On a busy machine, the threads of so small a model wait for each other most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("_one_thread")
def test_a_tiny_student_learns_what_the_detector_sees():
    torch.manual_seed(0)
    model = build_model(small_card().architecture).train()
    made = batch(example())
    counts = Counts.of([made], ALIKE)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    weights = LossWeights(present=0, distilled=0)
    for _ in range(80):
        loss, _ = total_loss(model(made.image), made, ALIKE, counts, weights)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    given = model(made.image)
    scores = given["detection_scores"].sigmoid().detach()
    targets = torch.zeros(made.dense.shape)
    targets[tuple(made.dense.places.T)] = made.dense.scores
    assert (scores - targets).abs().max() < 0.2
    found = given["detection_boxes"][tuple(made.dense.box_cells.T)]
    assert (found - torch.tensor([14.0, 14, 42, 42])).abs().max() < 4


def test_the_index_and_the_mixing_keep_pictures_with_dense_labels_apart(tmp_path):
    pictures = DenseDataset(8)
    index = make_index(pictures)
    save_index(index, tmp_path / "index.npz")
    assert load_index(tmp_path / "index.npz").known == index.known
    assert set(index.known) == {EVERYTHING, dataclasses.replace(EVERYTHING, dense=frozenset({BOX, BALL}))}
    strong = TrainingConfig(augmentation=Augmentation(mosaic=0.5, paste=0.99))
    views = Views(pictures, range(8), index, small_card(), strong)
    found = [views[(0, place)] for place in range(24)]
    assert {len(view.tiles) for view in found} == {0, 1, 4}
    for view in found:
        assert bool(view.tiles) == bool(view.known.dense)
    pasted = [len(view.boxes) for view in found]
    assert max(pasted) > 0
