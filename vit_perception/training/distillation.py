"""What a student learns from another model beside the labels, as data."""

from __future__ import annotations

from dataclasses import dataclass

from vit_perception.layers.checks import check_numbers, is_number

SOFT, HARD = "soft", "hard"


@dataclass(frozen=True)
class Distillation:
    """How a student learns from a teacher that looks at the same pictures.

    Attributes:
        teacher: name or folder of a model of ours; or, for `features` alone, a backbone as `--student` takes
            it.
        kind: what of its classes is learned: `soft`, its probabilities (Hinton et al. 2015), or `hard`, its
            decisions at the threshold of its card, as in DeiT (Touvron et al. 2021).
        temperature: divides the logits of both in `soft`; the larger, the more differences between small
            probabilities count.
        weight: of its classes in the loss; 0 leaves them out.
        features: weight of its tokens in the loss; 0 leaves them out.

    Raises:
        ValueError: a value is out of its range, or both weights are 0.
    """

    teacher: str = ""
    kind: str = SOFT
    temperature: float = 1.0
    weight: float = 0.5
    features: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.teacher, str) or not self.teacher:
            raise ValueError(f"teacher must be the name or folder of a model, not {self.teacher!r}")
        if self.kind not in (SOFT, HARD):
            raise ValueError(f"kind must be {SOFT} or {HARD}, not {self.kind!r}")
        check_numbers(self, "temperature")
        for name in ("weight", "features"):
            value = getattr(self, name)
            if not is_number(value) or value < 0:
                raise ValueError(f"{name} must be a number that is not negative, not {value!r}")
        if not self.weight and not self.features:
            raise ValueError("weight and features are both 0: give one of them, or no distillation")
