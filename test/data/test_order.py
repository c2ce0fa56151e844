"""The order of pictures depends on the seed and the step, and on nothing else."""

import numpy as np
import pytest

from vit_perception.data.order import PictureOrder

NUMBERS = np.arange(100, 117)


def test_every_epoch_has_every_picture_once_in_another_order():
    order = PictureOrder(NUMBERS, seed=3)
    epochs = [order.epoch(epoch) for epoch in range(3)]
    for epoch in epochs:
        assert sorted(epoch) == NUMBERS.tolist()
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert (PictureOrder(NUMBERS, seed=3).epoch(2) == epochs[2]).all()
    assert (PictureOrder(NUMBERS, seed=4).epoch(0) != epochs[0]).any()


def test_batches_go_through_the_epochs_and_any_step_can_be_the_first():
    order = PictureOrder(NUMBERS, seed=3)
    seen = np.concatenate([order.batch(step, 5) for step in range(7)])
    assert (seen[:34] == np.concatenate([order.epoch(0), order.epoch(1)])).all()
    assert (PictureOrder(NUMBERS, seed=3).batch(6, 5) == seen[30:]).all()


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_together_see_what_one_sees_with_a_larger_batch(processes):
    order = PictureOrder(NUMBERS, seed=3)
    for step in range(5):
        parts = [order.batch(step, 4, process, processes) for process in range(processes)]
        assert (np.concatenate(parts) == order.batch(step, 4 * processes)).all()


def test_a_batch_larger_than_an_epoch():
    assert len(PictureOrder(NUMBERS[:2], seed=0).batch(1, 7)) == 7


def test_no_pictures():
    with pytest.raises(ValueError, match="no pictures to put in order"):
        PictureOrder(np.zeros(0, np.int64), seed=0)
