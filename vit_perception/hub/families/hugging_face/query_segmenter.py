"""A model of transformers whose queries are a class and a mask each, with our raw outputs."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn

from vit_perception.hub.families.hugging_face.checkpoint import Checkpoint
from vit_perception.hub.families.hugging_face.tokenizers import tokenizer_of
from vit_perception.hub.public_model import PublicModel

# Whose queries are tokens beside those of the patches. Others read through masks, at several scales.
_ATTENTIVE = ("EomtForUniversalSegmentation", "EomtDinov3ForUniversalSegmentation")


def gives_attention(class_name: str) -> bool:
    """Whether the queries of a class of transformers read a regular grid."""
    return class_name in _ATTENTIVE


def task_tokens(checkpoint: Checkpoint, kind: str) -> Tensor:
    """(1, T) float32: the text that tells OneFormer its task, by its own tokenizer.

    Raises:
        ValueError: the tokenizer's files are missing or damaged.
    """
    tokenizer = tokenizer_of(checkpoint.folder)
    length = checkpoint.config.task_seq_len
    tokens = tokenizer(f"the task is {kind}", padding="max_length", max_length=length, truncation=True)
    return torch.tensor([tokens["input_ids"]]).mul(torch.tensor([tokens["attention_mask"]])).float()


class QuerySegmenter(PublicModel):
    """Scores and masks of queries.

    Attributes:
        task: the text that tells OneFormer its task, as tokens (1, T); kept with the weights.
    """

    task: Tensor

    def __init__(self, model: nn.Module, task: Tensor | None) -> None:
        super().__init__(model)
        self._tasked = task is not None
        if task is not None:
            self.register_buffer("task", task)
        self.outputs = ("query_scores", "query_masks")
        if gives_attention(type(model).__name__):
            self.outputs += ("attention",)
            _compute_weights(model)

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        attention = attention and "attention" in self.outputs
        given: dict[str, Any] = {"task_inputs": self.task.expand(image.shape[0], -1)} if self._tasked else {}
        if attention:
            given["output_attentions"] = True
        answer = self.model(pixel_values=image, **given)
        outputs = {"query_scores": answer.class_queries_logits, "query_masks": answer.masks_queries_logits}
        if attention:
            outputs["attention"] = self._read(answer)
        return outputs

    def _read(self, answer: Any) -> Tensor:
        """(B, heads, gh, gw): where the queries look in the last layer, each counted by its score."""
        scores = answer.class_queries_logits.softmax(dim=-1)[..., :-1].amax(dim=-1)
        count, model = scores.shape[1], cast(Any, self.model)
        weights = answer.attentions[-1][:, :, :count, count + model.embeddings.num_prefix_tokens :]
        weighted = (weights * scores[:, None, :, None]).sum(dim=2) / scores.sum(dim=1)[:, None, None]
        return weighted.unflatten(2, model.grid_size)


def _compute_weights(model: Any) -> None:
    """Let the last layer compute its weights, which fused attention does not."""
    settings = copy.deepcopy(model.config)
    settings._attn_implementation = "eager"
    model.layers[-1].attention.config = settings
