"""The losses of distillation: a student repeats the classes of a teacher, and its tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.features import TokenFeatures, to_map
from vit_perception.cards.card import Card
from vit_perception.data.label_space import LabelSpace
from vit_perception.training.distillation import HARD, Distillation
from vit_perception.training.losses import known_bce
from vit_perception.training.teacher import Teacher, load_teacher, resized


@contextmanager
def kept_features(backbone: Backbone) -> Iterator[list[TokenFeatures]]:
    """A list that gets what each forward pass of a backbone returns."""
    kept: list[TokenFeatures] = []
    handle = backbone.register_forward_hook(lambda module, given, features: kept.append(features))
    try:
        yield kept
    finally:
        handle.remove()


class Distiller:
    """What one student learns from one teacher.

    The classes that both have are learned by the distillation token where the student has one, else by its
    only output of classes. The student's last tokens, through a linear layer, are to be those of the teacher,
    normalised (Wei et al. 2022), at the places of the student's.

    Args:
        teacher: frozen.
        config: how to learn.
        space: the student's labels.
        card: the student's; its mean and std.
        embed_dim: channels of the student's tokens.

    Attributes:
        projection: that linear layer. It is trained and saved, and no part of the model.
        taught: (C,) bool, the classes that the teacher teaches.

    Raises:
        ValueError: classes are to be learned, and the teacher knows none of the student's.
    """

    def __init__(
        self, teacher: Teacher, config: Distillation, space: LabelSpace, card: Card, embed_dim: int
    ) -> None:
        self.teacher, self.config, self.mean, self.std = teacher, config, card.mean, card.std
        self.projection: nn.Module = (
            nn.Linear(embed_dim, teacher.backbone.embed_dim) if config.features else nn.Identity()
        )
        shared = (
            {space.find(name): place for place, name in enumerate(teacher.labels)} if config.weight else {}
        )
        shared.pop(None, None)
        if config.weight and not shared:
            known = "knows none of the labels" if teacher.labels else "knows no classes"
            raise ValueError(
                f"distillation: {config.teacher} {known}: set weight: 0 and features: 1 to learn its tokens "
                "alone, or give another teacher"
            )
        self._mine, self._its = ([*ids] for ids in (shared.keys(), shared.values()))
        device = next(teacher.backbone.parameters()).device
        self.taught = torch.zeros(len(space), dtype=torch.bool, device=device)
        self.taught[self._mine] = True

    def __call__(
        self, image: Tensor, outputs: Mapping[str, Tensor], features: TokenFeatures, pictures: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The share of a batch in the loss of its step.

        Args:
            image: (B, 3, H, W), as the student has it.
            outputs: of the student in training mode.
            features: of its backbone.
            pictures: of the whole step.

        Returns:
            loss: the parts, weighted and added up.
            parts: `taught` (classes) and `tokens`, as far as they have a weight; not weighted, detached.
        """
        weights = {"taught": self.config.weight, "tokens": self.config.features}
        tokens, logits = self.teacher(image, self.mean, self.std)
        parts = {}
        if logits is not None and self._mine:
            mine = outputs.get("classification_distilled", outputs["classification"])
            parts["taught"] = self._taught(mine[:, self._mine].float(), logits[:, self._its], pictures)
        if self.config.features:
            parts["tokens"] = self._tokens(features, tokens, pictures)
        loss = sum((weights[name] * value for name, value in parts.items()), torch.zeros(()))
        return loss, {name: value.detach() for name, value in parts.items()}

    def _taught(self, mine: Tensor, its: Tensor, pictures: float) -> Tensor:
        """How far (B, S) logits are from the teacher's, a mean over pictures and classes.

        Of decisions it is the cross-entropy, of probabilities their divergence (Kullback and Leibler), which
        is 0 where both are equal.
        """
        count = pictures * len(self._mine)
        if self.config.kind == HARD:
            return known_bce(mine, (its.sigmoid() >= self.teacher.threshold).float(), count)
        # The square keeps the gradient of the size that it has without a temperature.
        heat = self.config.temperature
        mine, its = mine / heat, its / heat
        wanted = its.sigmoid()
        return heat**2 * (known_bce(mine, wanted, count) - known_bce(its, wanted, count))

    def _tokens(self, mine: TokenFeatures, its: TokenFeatures, pictures: float) -> Tensor:
        """Smooth L1 of the projected tokens, a mean over pictures, places and channels."""
        found = self.projection(mine.patch_tokens).float()
        there = resized(to_map(its.patch_tokens.float(), its.grid), list(mine.grid))
        wanted = F.layer_norm(there.flatten(2).transpose(1, 2), found.shape[-1:])
        return F.smooth_l1_loss(found, wanted, reduction="none").mean(dim=(1, 2)).sum() / pictures


def make_distiller(
    config: Distillation, space: LabelSpace, card: Card, embed_dim: int, device: torch.device
) -> Distiller:
    """Load the teacher that a config names, and see `Distiller`.

    Raises:
        FileNotFoundError: there is no such teacher.
        ValueError: it is damaged, or knows no class of the student's.
    """
    try:
        teacher = load_teacher(config.teacher, device)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"distillation: {error}") from error
    return Distiller(teacher, config, space, card, embed_dim)
