"""OWL-ViT, OWLv2 and Grounding DINO: boxes around what prompts describe."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.hub.families.hugging_face.attention import class_attention
from vit_perception.hub.families.hugging_face.checkpoint import Checkpoint
from vit_perception.hub.families.hugging_face.processors import normalisation_of, recipe_of
from vit_perception.hub.families.hugging_face.tokenizers import check_lengths, tokenizer_of
from vit_perception.hub.public_model import Facts, PublicModel

_OWL = ("OwlViTForObjectDetection", "Owlv2ForObjectDetection")
_MOST_PATCHES = 1600
_GROUNDING_DINO = ("GroundingDinoForObjectDetection", "MMGroundingDinoForObjectDetection")


def handles(class_name: str) -> bool:
    return class_name in (*_OWL, *_GROUNDING_DINO)


def facts(checkpoint: Checkpoint) -> Facts:
    mean, std = normalisation_of(checkpoint.processor)
    owl = checkpoint.class_name in _OWL
    return Facts(
        task="detection",
        labels=(),
        trained=("detection", *(("attention",) if owl and _has_attention(checkpoint) else ())),
        recipe=recipe_of(checkpoint.processor),
        mean=mean,
        std=std,
        thresholds={"detection": 0.1 if owl else 0.25},
        decoding={"detection": {"kind": "best", "boxes": "of_input" if owl else "of_frame"}},
        open_vocabulary=True,
    )


def wrap(model: nn.Module, checkpoint: Checkpoint) -> PublicModel:
    if checkpoint.class_name in _OWL:
        return _Owl(model, checkpoint.folder, _has_attention(checkpoint))
    return _GroundingDino(model, checkpoint.folder)


def _has_attention(checkpoint: Checkpoint) -> bool:
    """Whether weights of all pairs of patches are worth their memory: OWLv2's 3600 patches have 13 million
    pairs, in twelve heads of twelve layers."""
    vision = checkpoint.config.vision_config
    return bool((vision.image_size // vision.patch_size) ** 2 <= _MOST_PATCHES)


class _Owl(PublicModel):
    """Boxes around what prompts describe; `text` is (P, D), each of length one."""

    inputs = ("text",)
    free_axes = MappingProxyType({"text": {0: "prompts"}, "detection_scores": {2: "prompts"}})

    def __init__(self, model: nn.Module, folder: Path, attention: bool) -> None:
        super().__init__(model)
        self._folder = folder
        self.outputs = ("detection_boxes", "detection_scores", *(("attention",) if attention else ()))

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        model: Any = self.model
        attention = attention and "attention" in self.outputs
        flags: dict[str, Any] = {"output_attentions": True} if attention else {}
        grid, vision = model.image_embedder(pixel_values=image, **flags)
        cells = grid.flatten(1, 2)
        text = extra["text"].to(image.dtype).expand(image.shape[0], -1, -1)
        outputs = {
            "detection_boxes": model.box_predictor(cells, grid),
            "detection_scores": model.class_predictor(cells, text)[0],
        }
        if attention:
            outputs["attention"] = class_attention(vision.attentions, image, model.config.vision_config)
        return outputs

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> dict[str, Tensor]:
        model: Any = self.model
        most = model.config.text_config.max_position_embeddings
        tokens = tokenizer_of(self._folder)(
            list(prompts), return_tensors="pt", padding="max_length", max_length=most
        )
        check_lengths(prompts, tokens["attention_mask"].sum(dim=1).tolist(), most)
        embedded = self._base.get_text_features(**tokens).pooler_output
        return {"text": embedded / embedded.norm(dim=-1, keepdim=True)}

    @property
    def _base(self) -> Any:
        """The image and text encoders; `owlvit` or `owlv2`."""
        return getattr(self.model, str(self.model.base_model_prefix))


class _GroundingDino(PublicModel):
    """Boxes around what prompts describe, from all prompts in one text.

    Its text inputs:

    - `text` (1, T, D): what BERT makes of the text.
    - `text_mask` (1, T, T) bool: which token reads which.
    - `text_positions` (1, T) int64: the place of each token in its prompt.
    - `phrases` (P, L) int64: the tokens of each prompt, the last one again where there are fewer than L.
    """

    inputs = ("text", "text_mask", "text_positions", "phrases")
    free_axes = MappingProxyType(
        {
            "text": {1: "tokens"},
            "text_mask": {1: "tokens", 2: "tokens"},
            "text_positions": {1: "tokens"},
            "phrases": {0: "prompts", 1: "length"},
            "detection_scores": {2: "prompts"},
        }
    )
    outputs = ("detection_boxes", "detection_scores")

    def __init__(self, model: nn.Module, folder: Path) -> None:
        super().__init__(model)
        self._folder = folder

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        model: Any = self.model
        text, mask, positions = (
            extra[name].expand(image.shape[0], *[-1] * (extra[name].ndim - 1)) for name in self.inputs[:3]
        )
        with _text_given(model.model, text.to(image.dtype), mask, positions):
            # Only what is replaced reads the ids.
            answer = model(pixel_values=image, input_ids=torch.zeros_like(positions))
        tokens = answer.logits[:, :, : text.shape[1]]
        scores = tokens[:, :, extra["phrases"]].amax(dim=-1)
        # A box is worth its best token, even one between prompts; it is of the prompt with the best token.
        best = scores.amax(dim=-1, keepdim=True)
        scores = torch.where(scores == best, tokens.amax(dim=-1, keepdim=True), scores)
        return {"detection_boxes": answer.pred_boxes, "detection_scores": scores}

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> dict[str, Tensor]:
        core: Any = self.model.model
        tokenizer = tokenizer_of(self._folder)
        texts = [prompt.strip().lower() for prompt in prompts]
        parts = [tokenizer(text, add_special_tokens=False).input_ids for text in texts]
        for prompt, part in zip(prompts, parts, strict=True):
            if not part or set(part) & set(core.special_tokens.tolist()):
                raise ValueError(
                    f"prompt {prompt!r} has no word, or a full stop or question mark: leave that out"
                )
        tokens = tokenizer(". ".join(texts) + ".", return_tensors="pt")
        check_lengths([", ".join(prompts)], [tokens.input_ids.shape[1]], core.config.max_text_len)
        masks_of = sys.modules[type(core).__module__].generate_masks_with_special_tokens_and_transfer_map
        mask, positions = masks_of(tokens.input_ids, special_tokens=core.special_tokens)
        types = tokens.get("token_type_ids", torch.zeros_like(positions))
        # As numbers: attention that is not fused adds the mask to its logits, where True would be one.
        barred = torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)[:, None]
        text = core.text_backbone(tokens.input_ids, barred, types, positions).last_hidden_state
        return {"text": text, "text_mask": mask, "text_positions": positions, "phrases": _phrases(parts)}


def _phrases(parts: Sequence[Sequence[int]]) -> Tensor:
    """Places of each part's tokens: after one that begins the text, with a full stop after each part."""
    most = max(map(len, parts))
    rows, start = [], 1
    for part in parts:
        rows.append([start + min(place, len(part) - 1) for place in range(most)])
        start += len(part) + 1
    return torch.tensor(rows)


@contextmanager
def _text_given(core: Any, text: Tensor, mask: Tensor, positions: Tensor) -> Iterator[None]:
    """While the library's model runs, use what `encode` gave in place of its text encoder.

    BERT would take as long as the image.
    """

    def replace(_: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, {**kwargs, "text_self_attention_masks": ~mask, "text_position_ids": positions}

    hook = core.encoder.register_forward_pre_hook(replace, with_kwargs=True)
    core.text_backbone.forward = lambda *_, **__: SimpleNamespace(last_hidden_state=text)
    try:
        yield
    finally:
        del core.text_backbone.forward
        hook.remove()
