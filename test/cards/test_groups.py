"""A name stands for a label, for a group of labels, or for both."""

import dataclasses
from pathlib import Path

import pytest

from vit_perception.cards.card import load_card
from vit_perception.cards.groups import classes_named, groups, names_of_classes
from vit_perception.data.label_space import read_label_space

TINY = load_card(Path(__file__).parents[1] / "fixtures" / "tiny")
ROBOT = read_label_space()
# The default label space on a card.
CARD = dataclasses.replace(TINY, labels=ROBOT.names, things=ROBOT.things, coarse=ROBOT.groups)


def labels_of(name):
    return [CARD.labels[class_id] for class_id in classes_named(CARD, name)]


def test_a_groups_name_stands_for_its_labels():
    assert labels_of("vehicle") == list(ROBOT.names[1:9])
    assert labels_of("vehicle")[:2] == ["bicycle", "car"]
    assert {"floor", "road", "grass"} <= set(labels_of("ground"))


def test_a_label_of_the_name_of_a_group_is_one_of_what_the_name_stands_for():
    assert labels_of("person") == ["person"]
    assert labels_of("sky") == ["sky"]
    assert {"food", "pizza", "bottle"} <= set(labels_of("food"))
    stray = dataclasses.replace(TINY, coarse=("animal", "person", *["other"] * 10))
    assert classes_named(stray, "person") == (0, 1), "even where that label is in another group"


def test_a_label_stands_for_itself_and_an_unknown_name_for_nothing():
    assert labels_of("cat") == ["cat"]
    assert labels_of("vehicles") == []
    assert classes_named(TINY, "vehicle") == (1,)
    assert classes_named(TINY, "cat") == ()


def test_the_groups_are_a_partition_of_the_labels():
    found = groups(CARD)
    assert tuple(found) == ROBOT.coarse_names
    assert sorted(class_id for ids in found.values() for class_id in ids) == list(range(len(ROBOT)))
    assert groups(TINY) == {}


def test_what_users_may_say_begins_with_the_groups():
    names = names_of_classes(CARD, CARD.things)
    assert names[:2] == ["person", "vehicle"]
    assert names.index("animal") < names.index("bicycle")
    assert "ground" not in names, "it has no things"
    assert names.count("person") == 1
    assert names_of_classes(TINY, [7, 1]) == ["sky", "vehicle"]


@pytest.mark.parametrize("name", ROBOT.coarse_names)
def test_every_group_of_the_default_space_has_labels(name):
    assert classes_named(CARD, name)
