"""Small models of transformers whose queries are a class and a mask each, with their processors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import transformers

from hub.publish import sharpen
from hub.vocabularies import clip_tokenizer

LABELS = {number: f"thing {number}" for number in range(64)}
_MASK_FORMER_SIZE = {"shortest_edge": 96, "longest_edge": 128}
_SMALL = {
    "num_queries": 10,
    "hidden_dim": 32,
    "encoder_feedforward_dim": 32,
    "encoder_layers": 1,
    "num_attention_heads": 2,
    "dim_feedforward": 32,
    "id2label": LABELS,
}


def _swin() -> Any:
    return transformers.SwinConfig(
        embed_dim=8,
        depths=[2, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )


def mask2former() -> tuple[Any, ...]:
    config = transformers.Mask2FormerConfig(
        backbone_config=_swin(), feature_size=32, mask_feature_size=32, decoder_layers=3, **_SMALL
    )
    processor = transformers.Mask2FormerImageProcessor(size=_MASK_FORMER_SIZE)
    return transformers.Mask2FormerForUniversalSegmentation(config), processor


def maskformer() -> tuple[Any, ...]:
    sides = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in _SIDE.items()}
    decoder = transformers.DetrConfig(d_model=32, num_queries=10, **sides)
    config = transformers.MaskFormerConfig(
        backbone_config=_swin(),
        fpn_feature_size=32,
        mask_feature_size=32,
        decoder_config=decoder,
        id2label=LABELS,
    )
    processor = transformers.MaskFormerImageProcessor(size=_MASK_FORMER_SIZE)
    return transformers.MaskFormerForInstanceSegmentation(config), processor


_SIDE = {"layers": 1, "ffn_dim": 32, "attention_heads": 2}


def oneformer() -> tuple[Any, ...]:
    config = transformers.OneFormerConfig(
        backbone_config=_swin(),
        conv_dim=32,
        mask_dim=32,
        decoder_layers=2,
        query_dec_layers=1,
        text_encoder_width=32,
        text_encoder_num_layers=1,
        **_SMALL,
    )
    processor = transformers.OneFormerImageProcessor(size=_MASK_FORMER_SIZE)
    return transformers.OneFormerForUniversalSegmentation(config), processor, clip_tokenizer()


def _eomt(**settings: Any) -> tuple[Any, ...]:
    config = transformers.EomtConfig(
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=64,
        patch_size=8,
        num_blocks=2,
        num_queries=10,
        num_upscale_blocks=1,
        mlp_ratio=2,
        id2label=LABELS,
    )
    return transformers.EomtForUniversalSegmentation(config), transformers.EomtImageProcessor(**settings)


def eomt() -> tuple[Any, ...]:
    return _eomt(size={"shortest_edge": 64, "longest_edge": 64}, do_pad=True)


def eomt_semantic() -> tuple[Any, ...]:
    return _eomt(size={"shortest_edge": 64, "longest_edge": None}, do_split_image=True)


SEGMENTERS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "mask2former-panoptic": mask2former,
    "maskformer-panoptic": maskformer,
    "oneformer": oneformer,
    "eomt-panoptic": eomt,
    "eomt-semantic": eomt_semantic,
}


def vary(model: Any, inputs: Sequence[Any]) -> None:
    """Weights whose queries are sure of different classes, and whose masks have two sides."""
    sharpen(model, 2.0)
    model.eval()

    def run() -> list[Any]:
        return [model(**each) for each in inputs]

    pixels, masks, classes = (_part(model, name) for name in _PARTS[type(model).__name__])
    spread(pixels, 1, 1.0, run)
    spread(masks, -1, 1.0, run)
    spread(classes, -1, 9.0, run)
    with torch.no_grad():
        classes.weight[-1] = 0
        # Two queries are surer of a class than of none: of more, random masks would hide each other.
        best = [answer.class_queries_logits[0, :, :-1].amax(dim=1).sort().values[-2] for answer in run()]
        classes.bias[-1] = min(best) - 3


# Features of the pixels and of the queries, whose product is the masks, and classes.
_PARTS = {
    "Mask2FormerForUniversalSegmentation": ("mask_projection", "mask_embedder.2.0", "class_predictor"),
    "MaskFormerForInstanceSegmentation": ("mask_projection", "mask_embedder.2.0", "class_predictor"),
    "OneFormerForUniversalSegmentation": ("mask_projection", "mask_embed.layers.2.0", "class_embed"),
    "EomtForUniversalSegmentation": ("upscale_block.block.0.layernorm2d", "mask_head.fc3", "class_predictor"),
}


def _part(model: Any, end: str) -> Any:
    return next(part for name, part in model.named_modules() if name.endswith(end))


def spread(part: Any, axis: int, deviation: float, run: Callable[[], Any]) -> None:
    """Let each channel of what `part` gives have a mean of zero, and all a deviation of this."""
    given: list[torch.Tensor] = []
    hook = part.register_forward_hook(lambda module, inputs, output: given.append(output))
    with torch.no_grad():
        run()
        values = torch.cat([each.movedim(axis, -1).flatten(0, -2) for each in given])
        mean = values.mean(dim=0)
        scale = deviation / float((values - mean).std())
        part.bias.sub_(mean).mul_(scale)
        part.weight.mul_(scale)
    hook.remove()
