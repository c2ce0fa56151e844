"""Explanations: heat maps that show which parts of an image a model attends to, in the image's pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from vit_perception.cards.card import Card, load_card
from vit_perception.cards.groups import classes_named, names_of_classes
from vit_perception.cards.locate import find_model
from vit_perception.explain.rollout import gradient_rollout, rollout
from vit_perception.model import PerceptionModel
from vit_perception.runtime.engines.torch import load_model
from vit_perception.runtime.preprocess import Geometry, normalised, preprocess

METHODS = ("attention", "heads", "rollout", "gradient")


class Explainer:
    """Image (H, W, 3) uint8 → heat maps (M, H, W), each in 0…1 with its maximum at 1.

    The methods are:
        attention: the attention of one block's class token to each patch, the mean over the heads (in a
            backbone without a class token, of all tokens).
        heads: the same for each of M heads.
        rollout: attention through all blocks (Abnar and Zuidema 2020).
        gradient: what contributes to one class, through all blocks (Chefer et al. 2021).
    """

    def __init__(self, model: str | Path) -> None:
        """model: name of an installed model, or its folder.

        Raises:
            FileNotFoundError: there is none. ValueError: its card or weights are wrong.
        """
        self.card: Card = load_card(find_model(model))
        self.model: PerceptionModel = load_model(self.card)

    def __call__(
        self,
        image: np.ndarray,
        method: str = "attention",
        *,
        block: int = -1,
        label: str | None = None,
        start: int | None = None,
        clip: float = 3.0,
        order: str = "bgr",
    ) -> np.ndarray:
        """Explain one image.

        Args:
            image: (H, W, 3) uint8.
            method: one of METHODS.
            block: for `attention` and `heads`, index of the block; negative ones count from the end.
            label: for `gradient`, name of the class, or of a group for its most likely class; None for the
                most likely one of all.
            start: for `rollout` and `gradient`, index of the first block that counts; None for the middle
                block with `rollout`, for the first with `gradient`.
            clip: for `rollout`, limit on the attention to a patch, see `rollout`; infinity for no limit.
            order: order of the image's channels, `bgr` or `rgb`.

        Raises:
            ValueError: the method, block or label does not exist, or the image is not an image.
        """
        if method not in METHODS:
            raise ValueError(f"unknown method {method!r}: choose from {', '.join(METHODS)}")
        frame, geometry = preprocess(image, self.card, order)
        pixels = torch.from_numpy(normalised(frame, self.card))
        backbone = self.model.backbone
        if method in ("attention", "heads"):
            with torch.inference_mode():
                (attended,) = backbone(pixels, attention_layers=(block,)).attention.values()
                maps = attended.spatial()[0]
            return _in_pixels(maps if method == "heads" else maps.mean(dim=0, keepdim=True), geometry)
        every = range(backbone.num_blocks)
        if method == "rollout":
            with torch.inference_mode():
                attention = backbone(pixels, attention_layers=every).attention
                middle = backbone.num_blocks // 2 if start is None else start
                return _in_pixels(rollout(attention, start=middle, clip=clip), geometry)
        with torch.enable_grad():
            features = backbone(pixels, layers=backbone.neck_layers, attention_layers=every)
            logits = self.model.classify(features)
            index = self._label(label, logits[0])
            found = gradient_rollout(features.attention, logits[:, index], start=start or 0)
            return _in_pixels(found, geometry)

    def _label(self, label: str | None, logits: torch.Tensor) -> int:
        every = range(len(self.card.labels))
        named = every if label is None else classes_named(self.card, label)
        if not named:
            known = ", ".join(names_of_classes(self.card, every))
            raise ValueError(f"{self.card.name} has no class {label!r}: choose from {known}")
        return max(named, key=logits.tolist().__getitem__)


def _in_pixels(maps: torch.Tensor, geometry: Geometry) -> np.ndarray:
    """Maps (M, gh, gw) of the padded input → (M, H, W) of the image, each with its maximum at one."""
    found = []
    for values in maps.float().cpu().numpy():
        rows, columns = geometry.cells((values.shape[0], values.shape[1]))
        peak = float(values[:rows, :columns].max())
        found.append(geometry.map_to_source(values / peak if peak > 0 else values))
    return np.stack(found).clip(0.0, 1.0)
