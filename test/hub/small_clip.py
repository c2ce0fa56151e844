"""A CLIP of a few thousand weights, as its publishers save it."""

from __future__ import annotations

from pathlib import Path

import torch

from hub.publish import publish
from hub.vocabularies import clip_tokenizer

SIDES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4}


def publish_clip(folder: Path) -> Path:
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    tokenizer = clip_tokenizer()
    text = {**SIDES, "vocab_size": len(tokenizer), "max_position_embeddings": 77}
    text |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    vision = {**SIDES, "image_size": 64, "patch_size": 16}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
    processor = CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
    torch.manual_seed(1)
    return publish(folder, CLIPModel(config), processor, tokenizer)
