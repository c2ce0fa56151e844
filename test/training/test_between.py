"""Weights between the beginning and the end of a training."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")

from vit_perception.cards.card import load_card
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.training.between import between, check_begun

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"


def test_weights_are_a_mean_and_counts_are_as_learned():
    begun = {"weight": torch.tensor([0.0, 10.0]), "batches": torch.tensor(3)}
    learned = {"weight": torch.tensor([10.0, 10.0]), "batches": torch.tensor(7)}
    found = between(begun, learned, 0.3)
    torch.testing.assert_close(found["weight"], torch.tensor([7.0, 10.0]))
    assert found["batches"] == 7
    torch.testing.assert_close(between(begun, learned, 0.0)["weight"], learned["weight"])


def test_only_a_model_of_ours_with_the_same_labels_has_something_to_keep():
    same = LabelSpace(tuple(Label(name) for name in load_card(TINY).labels))
    check_begun(str(TINY), same)
    for student, space in ((str(TINY), LabelSpace((Label("person"),))), ("hybrid", same)):
        with pytest.raises(ValueError, match="start_share needs a model of ours"):
            check_begun(student, space)
