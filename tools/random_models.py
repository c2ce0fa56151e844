"""Models of random weights as the publishers of checkpoints save theirs; nothing is downloaded.

Tokenizers stand in for the checkpoints' own: they know a few tokens. Texts are encoded once, before the first
frame, so that what they are does not change how long a frame takes.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_CHARACTERS = string.ascii_letters + string.digits + string.punctuation


def publish(entry: Mapping[str, Any], folder: Path) -> int:
    """Write a model of random weights as a checkpoint's publisher does; gives its number of parameters."""
    scheme, _, name = entry["name"].partition(":")
    if scheme == "hf":
        model = _publish_hugging_face(entry, folder)
    else:
        model = {"timm": _publish_timm, "torchvision": _publish_torchvision}[scheme](name, folder)
    return sum(parameter.numel() for parameter in model.parameters())


def _publish_hugging_face(entry: Mapping[str, Any], folder: Path) -> Any:
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    config = _made(entry["config"])
    if count := entry.get("labels"):
        config.id2label = {place: f"class {place}" for place in range(count)}
        config.label2id = {label: place for place, label in config.id2label.items()}
    model = getattr(transformers, entry["model"])(config)
    processor = _made(entry["processor"])
    spread(model, processor)
    if entry["task"] == "segmentation":
        _prefer(model, entry["labels"])
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    if text := entry.get("text"):
        _TOKENIZERS[text]().save_pretrained(folder)
    return model


def _publish_timm(name: str, folder: Path) -> Any:
    import timm
    from timm.models._hub import save_for_hf

    model = timm.create_model(name, pretrained=False)
    save_for_hf(model, str(folder), safe_serialization=True)
    return model


def _publish_torchvision(name: str, folder: Path) -> Any:
    import torchvision

    from vit_perception.hub.families.torchvision import save_torchvision

    model = torchvision.models.get_model(name, weights=None)
    save_torchvision(model, folder, name, "DEFAULT")
    return model


def _made(settings: Mapping[str, Any]) -> Any:
    """An object of transformers: `class`, and its arguments, among them further objects."""
    import transformers

    arguments = {
        name: _made(value) if isinstance(value, dict) and "class" in value else value
        for name, value in settings.items()
        if name != "class"
    }
    return getattr(transformers, settings["class"])(**arguments)


def spread(model: Any, processor: Any) -> None:
    """Weights and statistics that keep the size of what goes through: a beginner's let it fade, and rounding
    would decide which places a detector of two stages looks at."""
    import torch

    norms = [module for module in model.modules() if hasattr(module, "running_var")]
    hooks = [norm.register_forward_pre_hook(_settle) for norm in norms]
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1 and parameter.numel():
                parameter.normal_().mul_(parameter[0].numel() ** -0.5)
        if norms:
            noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
            model.eval()(**processor(images=noise, return_tensors="pt"))
    for hook in hooks:
        hook.remove()


def _prefer(model: Any, labels: int) -> None:
    """Let a few classes win: a scene is not of all of them, and each costs time to decode."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") and len(parameter) in (labels, labels + 1):
                parameter.normal_().mul_(4)


def _settle(norm: Any, given: tuple[Any, ...]) -> None:
    """Let the statistics of a batch normalisation, a frozen one too, be those of what it is given."""
    norm.running_mean.copy_(given[0].mean((0, 2, 3)))
    norm.running_var.copy_(given[0].var((0, 2, 3)) if given[0].shape[2:] != (1, 1) else 1.0)


def _characters_of_clip() -> Any:
    """The end has the highest id, which OWL-ViT looks for."""
    from transformers import CLIPTokenizer

    tokens = [*_CHARACTERS, *(f"{each}</w>" for each in _CHARACTERS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: place for place, token in enumerate(tokens)}, merges=[])


def _characters_of_siglip() -> Any:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = ["<pad>", "<unk>", " ", *_CHARACTERS]
    tokenizer = Tokenizer(models.WordLevel({token: place for place, token in enumerate(tokens)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", model_input_names=["input_ids"]
    )


def _words_of_bert() -> Any:
    """Special tokens at BERT's own ids, which Grounding DINO has in its code."""
    from transformers import BertTokenizer

    places = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
    names = {place: name for name, place in places.items()}
    vocabulary = {names.get(place, f"[unused{place}]"): place for place in range(1030)}
    return BertTokenizer(vocab=vocabulary)


_TOKENIZERS = {"clip": _characters_of_clip, "siglip": _characters_of_siglip, "bert": _words_of_bert}
