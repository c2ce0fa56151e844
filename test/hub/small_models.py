"""A few public models of some thousand weights, for tests that need one and nothing more of it."""

from __future__ import annotations

from pathlib import Path

import torch

from hub.publish import publish

LABELS = {0: "cup", 1: "crane", 2: "crane", 3: "table", 4: "chair"}


def publish_yolos(folder: Path) -> Path:
    """Detection and attention, of any size. Two of its classes have one name."""
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor

    torch.manual_seed(3)
    config = YolosConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=[96, 128],
        num_detection_tokens=12,
        id2label=LABELS,
        label2id={name: class_id for class_id, name in LABELS.items()},
    )
    processor = YolosImageProcessor(size={"shortest_edge": 96, "longest_edge": 160})
    return publish(folder, YolosForObjectDetection(config), processor)


def publish_vit(folder: Path) -> Path:
    """Classification and attention, of one size alone."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    torch.manual_seed(4)
    config = ViTConfig(
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=64,
        patch_size=16,
        id2label={0: "kitchen", 1: "warehouse", 2: "road"},
        label2id={"kitchen": 0, "warehouse": 1, "road": 2},
    )
    return publish(
        folder, ViTForImageClassification(config), ViTImageProcessor(size={"height": 64, "width": 64})
    )


def publish_depth_anything(folder: Path, metric: bool = True) -> Path:
    from transformers import (
        DepthAnythingConfig,
        DepthAnythingForDepthEstimation,
        Dinov2Config,
        DPTImageProcessor,
    )

    torch.manual_seed(5)
    backbone = Dinov2Config(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 16, 16, 16],
        fusion_hidden_size=16,
        head_hidden_size=8,
        depth_estimation_type="metric" if metric else "relative",
        max_depth=20 if metric else 1,
    )
    processor = DPTImageProcessor(
        size={"height": 70, "width": 70},
        keep_aspect_ratio=True,
        ensure_multiple_of=14,
        resample=3,
        do_pad=False,
    )
    return publish(folder, DepthAnythingForDepthEstimation(config), processor)


def publish_mask2former(folder: Path) -> Path:
    """Instances, by the name of its folder; give one that ends in -instance."""
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessor,
        SwinConfig,
    )

    torch.manual_seed(6)
    backbone = SwinConfig(
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = Mask2FormerConfig(
        backbone_config=backbone,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        dim_feedforward=32,
        num_queries=10,
        id2label=LABELS,
        label2id={name: class_id for class_id, name in LABELS.items()},
    )
    processor = Mask2FormerImageProcessor(size={"shortest_edge": 64, "longest_edge": 128}, size_divisor=32)
    return publish(folder, Mask2FormerForUniversalSegmentation(config), processor)
