"""Small object detectors of transformers, with weights whose answers vary."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
import transformers

LABELS = {place: f"class {place}" for place in range(5)}
_CLASSES = {"num_labels": len(LABELS), "id2label": LABELS}
_EDGES = {"shortest_edge": 100, "longest_edge": 150}
_SQUARE = {"height": 96, "width": 96}
# Of attention that chooses: else all queries read the same mean.
_CHOOSES = re.compile(r"[qk]_(content_|pos_)?proj|query_position_embed")
_PADDED = {"size": _EDGES, "pad_size": {"height": 160, "width": 160}}
_LAYERS = {
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "num_queries": 20,
}
_STAGES = {"embedding_size": 8, "hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1]}
_HYBRID = {
    "encoder_hidden_dim": 32,
    "encoder_in_channels": [16, 16, 32],
    "d_model": 32,
    "decoder_in_channels": [32, 32, 32],
}


def _processor(family: str, **settings: Any) -> Any:
    return getattr(transformers, f"{family}ImageProcessor")(**settings)


def _model(family: str, **settings: Any) -> Any:
    config = getattr(transformers, f"{family}Config")(**_CLASSES, **settings)
    return getattr(transformers, f"{family}ForObjectDetection")(config)


def _yolos() -> Any:
    shape = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
    return _model(
        "Yolos", **shape, image_size=[64, 96], num_detection_tokens=20, use_mid_position_embeddings=True
    )


def _of_resnet(family: str, *stages: str, **settings: Any) -> Any:
    resnet = transformers.ResNetConfig(**_STAGES, out_features=list(stages or ("stage4",)))
    width = {"hidden_size" if family == "DabDetr" else "d_model": 32}
    return _model(family, backbone_config=resnet, **_LAYERS, **width, **settings)


def _of_timm() -> Any:
    # As facebook/detr-resnet-50 says it, which has a backbone of timm.
    return _model("Detr", backbone="test_resnet.r160_in1k", use_timm_backbone=True, d_model=32, **_LAYERS)


def _deformable(two_stage: bool) -> Any:
    stages = ("stage2", "stage3", "stage4")
    both = {"two_stage": two_stage, "with_box_refine": two_stage, "two_stage_num_proposals": 20}
    return _of_resnet("DeformableDetr", *stages, num_feature_levels=4, **both)


def _rt_detr(family: str) -> Any:
    resnet = transformers.RTDetrResNetConfig(**_STAGES, out_features=["stage2", "stage3", "stage4"])
    return _model(family, backbone_config=resnet, **_LAYERS, **_HYBRID)


def _d_fine(family: str) -> Any:
    backbone = transformers.HGNetV2Config(
        **_STAGES,
        stem_channels=[3, 8, 8],
        stage_in_channels=[8, 8, 16, 16],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[8, 16, 16, 32],
        stage_num_blocks=[1, 1, 1, 1],
        stage_numb_of_layers=[2, 2, 2, 2],
        out_features=["stage2", "stage3", "stage4"],
    )
    return _model(family, backbone_config=backbone, **_LAYERS, **_HYBRID)


def _deim_of_dinov3() -> Any:
    backbone = transformers.DINOv3ViTConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        out_indices=[2, 3, 4],
        apply_layernorm=False,
    )
    settings = {**_HYBRID, "encoder_in_channels": [32, 32, 32], "encoder_has_trailing_conv": False}
    return _model("Deimv2", backbone_config=backbone, **_LAYERS, **settings)


def _of_windows(family: str) -> Any:
    shape = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2, "out_indices": [2, 4]}
    if family == "LwDetr":
        sizes = {
            "image_size": 128,
            "pretrain_image_size": 64,
            "num_windows": 4,
            "window_block_indices": [0, 2],
        }
        backbone = transformers.LwDetrViTConfig(**shape, **sizes)
        settings = {"projector_scale_factors": [1.0]}
    else:
        # Its positions are of another size than its images.
        backbone = transformers.RfDetrDinov2Config(**shape, image_size=64, patch_size=16, num_windows=2)
        settings = {}
    heads = {"decoder_self_attention_heads": 2, "decoder_cross_attention_heads": 2}
    layers = {
        "c2f_num_blocks": 1,
        "decoder_layers": 2,
        "decoder_ffn_dim": 32,
        "d_model": 32,
        "num_queries": 20,
    }
    return _model(family, backbone_config=backbone, **settings, **layers, **heads)


DETECTORS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "yolos": lambda: (_yolos(), _processor("Yolos", size=_EDGES)),
    "detr": lambda: (_of_resnet("Detr"), _processor("Detr", size=_EDGES)),
    "detr padded": lambda: (_of_resnet("Detr"), _processor("Detr", **_PADDED)),
    "detr of timm": lambda: (_of_timm(), _processor("Detr", size=_EDGES)),
    "table transformer": lambda: (_of_resnet("TableTransformer"), _processor("Detr", size=_EDGES)),
    "conditional detr": lambda: (_of_resnet("ConditionalDetr"), _processor("ConditionalDetr", size=_EDGES)),
    "dab detr": lambda: (_of_resnet("DabDetr"), _processor("ConditionalDetr", size=_EDGES)),
    "deformable detr": lambda: (_deformable(False), _processor("DeformableDetr", size=_EDGES)),
    "deformable detr of two stages": lambda: (_deformable(True), _processor("DeformableDetr", **_PADDED)),
    "rt-detr": lambda: (_rt_detr("RTDetr"), _processor("RTDetr", size=_SQUARE)),
    "rt-detr v2": lambda: (_rt_detr("RTDetrV2"), _processor("RTDetr", size=_SQUARE)),
    "d-fine": lambda: (_d_fine("DFine"), _processor("RTDetr", size=_SQUARE)),
    "deim v2": lambda: (_d_fine("Deimv2"), _processor("RTDetr", size=_SQUARE)),
    "deim v2 of dinov3": lambda: (_deim_of_dinov3(), _processor("RTDetr", size=_SQUARE, do_normalize=True)),
    "lw-detr": lambda: (
        _of_windows("LwDetr"),
        _processor("DeformableDetr", size={"height": 128, "width": 128}),
    ),
    "rf-detr": lambda: (_of_windows("RfDetr"), _processor("RfDetr", size=_SQUARE)),
}


def vary(model: Any, inputs: Any) -> None:
    """Weights that keep the size of what goes through. Under those that a model begins with it fades, until
    all places look alike and rounding decides which become queries.
    """
    numbers = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and parameter.numel():
                table = isinstance(_owner(model, name), torch.nn.Embedding) or "position" in name
                scale = 1.0 if table else parameter[0].numel() ** -0.5
                parameter.normal_(generator=numbers).mul_(scale * (4.0 if _CHOOSES.search(name) else 1.0))
            elif name.endswith("bias"):
                parameter.normal_(generator=numbers).mul_(0.3)
        norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1.0
            norm.train()
        model(**inputs)
        model.eval()
        _balance(model, inputs)


def _balance(model: Any, inputs: Any) -> None:
    """Let the last layer find each class as often as the next."""
    heads: list[tuple[Any, torch.Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda module, _, output: heads.append((module, output)))
        for module in model.modules()
        if isinstance(module, torch.nn.Linear)
    ]
    logits = model(**inputs).logits
    for hook in hooks:
        hook.remove()
    head, output = [pair for pair in heads if pair[1].shape[-1] == logits.shape[-1]][-1]
    mean, deviation = output.mean(dim=(0, 1)), output.std(dim=(0, 1))
    head.weight.mul_(2 / deviation[:, None])
    head.bias.copy_((head.bias - mean) * 2 / deviation)


def _owner(model: Any, name: str) -> Any:
    return model.get_submodule(name.rpartition(".")[0])
