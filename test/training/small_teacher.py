"""A random model of the small size, as a folder that a student can learn from."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import torch
from safetensors.torch import save_file

from training.small_dataset import small_card
from vit_perception.cards.card import Card, write_card
from vit_perception.model import build_model


def teacher_folder(folder: Path, **changes) -> Path:
    """Write a model; `changes` are fields of its card, and `backbone` changes those of its backbone."""
    folder.mkdir(parents=True, exist_ok=True)
    card = small_card()
    backbone = {**card.architecture["backbone"], **changes.pop("backbone", {})}
    card = dataclasses.replace(card, architecture={**card.architecture, "backbone": backbone})
    torch.manual_seed(7)
    model = build_model(card.architecture)
    for parameter in model.heads["classification"].parameters():  # so that its answers differ
        torch.nn.init.normal_(parameter, std=0.5)
    save_file(model.state_dict(), folder / "model.safetensors")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    files = {"files": {"weights": "model.safetensors"}, "sha256": {"model.safetensors": digest}}
    written: Card = dataclasses.replace(card, folder=folder, **files, **changes)
    write_card(written)
    return folder
