"""Where a model looks: one picture, one method, heat maps in the picture's own pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from vit_perception.cards.card import Card, load_card
from vit_perception.cards.locate import find_model
from vit_perception.explain.rollout import gradient_rollout, rollout
from vit_perception.model import PerceptionModel
from vit_perception.runtime.engines.torch import load_model
from vit_perception.runtime.preprocess import Geometry, normalised, preprocess

METHODS = ("attention", "heads", "rollout", "gradient")


class Explainer:
    """Pictures (H, W, 3) uint8 → heat maps (maps, H, W) in 0…1, 1 where it looks most.

    The methods: `attention`, what the class token of one block reads (without a class token, what all
    read); `heads`, the same for each head by itself; `rollout`, through all blocks; `gradient`, through
    all blocks what speaks for one class. Where the picture was padded to fit, the maps leave that out.
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
        """block: of `attention` and `heads`, negative from the end. label: of `gradient`, the class that is
        most likely unless given. start: the first block that counts: for `rollout` the middle one unless
        given, for `gradient` the first. clip: see `rollout`; infinity for none.

        Raises:
            ValueError: the method, block or label does not exist, or the picture is none.
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
            features = backbone(pixels, attention_layers=every)
            logits = self.model.heads["classification"](features)["classification"]
            index = self._label(label, logits[0])
            found = gradient_rollout(features.attention, logits[:, index], start=start or 0)
            return _in_pixels(found, geometry)

    def _label(self, label: str | None, logits: torch.Tensor) -> int:
        if label is None:
            return int(logits.argmax())
        if label not in self.card.labels:
            known = ", ".join(self.card.labels)
            raise ValueError(f"{self.card.name} has no class {label!r}: choose from {known}")
        return self.card.labels.index(label)


def _in_pixels(maps: torch.Tensor, geometry: Geometry) -> np.ndarray:
    """Maps (M, gh, gw) over the padded input → (M, H, W) over the picture, each with its peak at one."""
    found = []
    for values in maps.float().cpu().numpy():
        rows, columns = geometry.cells((values.shape[0], values.shape[1]))
        peak = float(values[:rows, :columns].max())
        found.append(geometry.map_to_source(values / peak if peak > 0 else values))
    return np.stack(found).clip(0.0, 1.0)
