"""Label spaces of models and of datasets, with what the default label space knows of their labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from vit_perception.cards.card import Card
from vit_perception.data.dataset import Dataset
from vit_perception.data.label_space import Label, LabelSpace, read_label_space


def space_of_card(card: Card) -> LabelSpace:
    """The labels of a model in the groups of its card, with what the default label space knows of them.

    Where the card has no groups, they are those of the default label space. A label that is one of these
    stands for all labels of this group that the model does not have itself: so a model of `vehicle` is
    measured on pictures with cars and trucks.
    """
    default = read_label_space()
    names = set(card.labels)
    labels = []
    for class_id, name in enumerate(card.labels):
        coarse = card.coarse[class_id] if card.coarse else ""
        thing = class_id in card.things
        found = default.find(name)
        if found is not None and name not in default.coarse_names:
            known = default.labels[found]
            aliases = tuple({known.name, *known.aliases} - names)
            labels.append(Label(name, aliases, coarse or known.coarse, thing=thing, drivable=known.drivable))
            continue
        members = [label for label in default.labels if label.coarse == name and label.name not in names]
        if found is not None:
            members.append(default.labels[found])
        aliases = tuple({each for label in members for each in (label.name, *label.aliases)} - names)
        drivable = any(label.drivable for label in members)
        labels.append(Label(name, aliases, coarse, thing=thing, drivable=drivable))
    return LabelSpace(tuple(labels))


def space_of_datasets(datasets: Sequence[Dataset]) -> LabelSpace:
    """All labels of some datasets; those that the default label space has, under its names.

    A label is a thing if a dataset has boxes of it, or if no dataset has boxes and the label says so.
    """
    default = read_label_space()
    labels: dict[str, Label] = {}
    boxed: set[str] = set()
    for dataset in datasets:
        for class_id, label in enumerate(dataset.space.labels):
            names = (label.name, *label.aliases)
            found = next((place for name in names if (place := default.find(name)) is not None), None)
            known = label if found is None else default.labels[found]
            labels.setdefault(known.name, known)
            if class_id in dataset.box_labels:
                boxed.add(known.name)
    if boxed:
        labels = {name: dataclasses.replace(label, thing=name in boxed) for name, label in labels.items()}
    return LabelSpace(tuple(labels.values()))
