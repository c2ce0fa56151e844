"""Groups of a model's labels (`coarse` on the card), and which classes a name stands for."""

from __future__ import annotations

from collections.abc import Iterable

from vit_perception.cards.card import Card


def groups(card: Card) -> dict[str, tuple[int, ...]]:
    """Class ids by the name of their group, in the order of the labels; none where the card has no groups."""
    return {
        name: tuple(class_id for class_id, group in enumerate(card.coarse) if group == name)
        for name in dict.fromkeys(card.coarse)
    }


def classes_named(card: Card, name: str) -> tuple[int, ...]:
    """Class ids that a name stands for; none if it is neither a label nor a group.

    A group's name stands for all its labels. If a label has the name of a group, it stands for both.
    """
    return tuple(
        class_id
        for class_id, names in enumerate(zip(card.labels, card.coarse or card.labels, strict=True))
        if name in names
    )


def names_of_classes(card: Card, class_ids: Iterable[int]) -> list[str]:
    """What users may call these classes: first their groups, then their labels."""
    class_ids = tuple(class_ids)
    kinds = (card.coarse, card.labels) if card.coarse else (card.labels,)
    return list(dict.fromkeys(kind[class_id] for kind in kinds for class_id in class_ids))
