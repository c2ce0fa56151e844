"""One seed gives one sequence of batches, whatever the workers; memory does not grow with the dataset."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import signal

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")

from training.small_dataset import BOX, EVERYTHING, FLOOR, SPACE, STRIDES, SmallDataset, small_card
from training.small_dataset import known as known_of
from vit_perception.training.config import Augmentation, TrainingConfig
from vit_perception.training.index import load_index, make_index, save_index
from vit_perception.training.stream import Views, batches, keys
from vit_perception.training.targets import Collate

CARD = small_card()
COLLATE = Collate(SPACE, CARD.mean, CARD.std, CARD.patch_size / 4, STRIDES)
CONFIG = TrainingConfig(batch_size=2, augmentation=Augmentation(mosaic=0.5, paste=0.9))


def views(config=CONFIG, dataset=None):
    dataset = dataset or SmallDataset()
    return Views(dataset, range(len(dataset)), make_index(dataset), CARD, config)


def take(count, workers=0, start=0, config=CONFIG, **order):
    stream = batches(views(config), COLLATE, keys(config, start, **order), workers)
    with contextlib.closing(stream):
        return list(itertools.islice(stream, count))


def same(one, other):
    return (
        torch.equal(one.image, other.image)
        and torch.equal(one.semantic, other.semantic)
        and all(map(torch.equal, one.boxes, other.boxes))
        and torch.equal(one.action, other.action)
    )


def test_workers_and_a_restart_change_nothing():
    one, before = take(4), signal.getsignal(signal.SIGCHLD)
    assert all(map(same, one, take(4, workers=2)))
    assert signal.getsignal(signal.SIGCHLD) == before, "no handler is left behind"
    assert all(map(same, one[2:], take(2, start=2)))
    assert not same(one[0], take(1, config=dataclasses.replace(CONFIG, seed=1))[0])
    assert not same(one[0], one[1])


def test_a_step_has_the_same_pictures_however_it_is_spread():
    whole = take(1, config=dataclasses.replace(CONFIG, batch_size=4))[0].image
    processes = [take(1, rank=rank, world=2)[0].image for rank in range(2)]
    accumulated = [batch.image for batch in take(2, config=dataclasses.replace(CONFIG, accumulation=2))]
    assert torch.equal(whole, torch.cat(processes))
    assert torch.equal(whole, torch.cat(accumulated))


@pytest.mark.parametrize(
    ("scale", "sizes"), [(1.0, {(84, 112), (112, 84)}), (0.75, {(56, 84), (70, 84), (84, 56), (84, 70)})]
)
def test_sizes_are_whole_patches_of_the_card(scale, sizes):
    made = views(dataclasses.replace(CONFIG, scales=(scale, scale)))
    assert {made.size(step) for step in range(20)} <= sizes
    assert made[(0, 0)].rgb.shape[:2] == made[(0, 1)].rgb.shape[:2] == made.size(0)


def test_rare_classes_are_drawn_more_often():
    class Rare(SmallDataset):
        def annotation(self, index):
            found = super().annotation(index)
            return dataclasses.replace(found, class_ids=np.full_like(found.class_ids, BOX if index else 1))

    made = views(dataset=Rare(without=("semantic",)))
    weights = np.diff(made.bounds, prepend=0)
    assert weights[0] == pytest.approx(np.sqrt(11))
    assert (weights[1:] == 1).all()


def test_pictures_are_drawn_by_their_weight():
    class Named(SmallDataset):
        def name(self, index):
            return f"{'few' if index < 3 else 'many'}/{index}"

    plain = np.diff(views(dataset=Named()).bounds, prepend=0)
    heavy = np.diff(views(TrainingConfig(weights={"few/": 10}), Named()).bounds, prepend=0)
    np.testing.assert_allclose(heavy[:3], 10 * plain[:3])
    np.testing.assert_allclose(heavy[3:], plain[3:])
    with pytest.raises(ValueError, match="no picture's name begins with 'coco/'; there is 'few/0'"):
        views(TrainingConfig(weights={"coco/": 10}), Named())


def test_a_mosaic_mixes_only_pictures_that_know_the_same():
    few = known_of({BOX}, {FLOOR})

    class Mixed(SmallDataset):
        def known(self, index):
            return EVERYTHING if index % 2 else few

    made = views(TrainingConfig(augmentation=Augmentation(mosaic=0.99)), Mixed())
    found = {made[(step, 0)].known for step in range(12)}
    assert found == {EVERYTHING, few}


def test_the_index_says_what_is_where(tmp_path):
    index = make_index(SmallDataset(known=known_of({BOX}, {FLOOR})))
    assert index.boxed[:, 1:].sum() == 0
    assert (index.shares[:, FLOOR] > 0.2).all()
    assert (index.shares[:, [0, 1, 3]] == 0).all()
    save_index(index, tmp_path / "index.npz")
    again = load_index(tmp_path / "index.npz")
    assert again.known == index.known
    np.testing.assert_array_equal(again.shares, index.shares)
    np.testing.assert_array_equal(again.boxed, index.boxed)
    by_workers = make_index(SmallDataset(known=known_of({BOX}, {FLOOR})), workers=2)
    np.testing.assert_array_equal(by_workers.shares, index.shares)
    assert make_index(SmallDataset(without=("semantic",))).known[0].masks == set()


def test_a_hundred_thousand_pictures_take_little_memory_to_draw_from():
    from vit_perception.training.index import Index

    count = 100_000
    index = Index(
        np.ones((count, 4), bool), np.zeros((count, 4), np.float16), np.zeros(count, int), (EVERYTHING,)
    )
    made = Views(SmallDataset(count), range(count), index, CARD, CONFIG)
    held = made.numbers, made.bounds, made.groups, *made.group_bounds.values()
    assert sum(array.nbytes for array in held) < 4_000_000
    assert made[(0, 0)].rgb.ndim == 3
