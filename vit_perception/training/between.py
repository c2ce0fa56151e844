"""Weights between those that a student began with and those that it learned.

On pictures unlike the new ones, these are often better than either (WiSE-FT, Wortsman et al. 2022).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from vit_perception.cards.card import load_card
from vit_perception.cards.locate import find_model
from vit_perception.data.label_space import LabelSpace
from vit_perception.training.student import is_ours


def between(begun: Mapping[str, Tensor], learned: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Their mean, `begun` with this share, 0 to 1. What is no fraction, such as a count, is as learned."""
    return {
        name: value.lerp(begun[name].to(value), share) if value.is_floating_point() else value
        for name, value in learned.items()
    }


def check_begun(student: str, space: LabelSpace) -> None:
    """Check that all weights of a student mean something before it is trained.

    Raises:
        ValueError: it is no model of ours with these labels.
    """
    if not is_ours(student) or load_card(find_model(student)).labels != space.names:
        raise ValueError(
            f"start_share needs a model of ours with the same labels as student, which {student} is not: "
            "leave it at 0"
        )
