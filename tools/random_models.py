"""Models with random weights, saved as the publishers of checkpoints save theirs; nothing is downloaded.

Tokenizers of a few tokens take the place of the checkpoints' own. Texts are encoded once, before the first
frame, so they do not change how long a frame takes.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_CHARACTERS = string.ascii_letters + string.digits + string.punctuation


def publish(entry: Mapping[str, Any], folder: Path) -> int:
    """Write a model with random weights as its publisher would.

    Args:
        entry: Of tools/zoo.yaml.
        folder: To write to.

    Returns:
        Its number of parameters.
    """
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
    config = _build(entry["config"])
    if count := entry.get("labels"):
        config.id2label = {place: f"class {place}" for place in range(count)}
        config.label2id = {label: place for place, label in config.id2label.items()}
    model = getattr(transformers, entry["model"])(config)
    processor = _build(entry["processor"])
    _keep_variance(model, processor)
    if entry["task"] == "segmentation":
        _favour_few_classes(model, entry["labels"])
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


def _build(settings: Mapping[str, Any]) -> Any:
    """An object of transformers from its `class` and arguments, which may be such objects themselves."""
    import transformers

    arguments = {
        name: _build(value) if isinstance(value, dict) and "class" in value else value
        for name, value in settings.items()
        if name != "class"
    }
    return getattr(transformers, settings["class"])(**arguments)


def _keep_variance(model: Any, processor: Any) -> None:
    """Draw weights, and set batch statistics, that keep the variance of activations from layer to layer.

    With a library's initial weights activations fade, and rounding would decide which regions a two-stage
    detector proposes.
    """
    import torch

    norms = [module for module in model.modules() if hasattr(module, "running_var")]
    hooks = [norm.register_forward_pre_hook(_set_statistics) for norm in norms]
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1 and parameter.numel():
                parameter.normal_().mul_(parameter[0].numel() ** -0.5)
        if norms:
            noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
            model.eval()(**processor(images=noise, return_tensors="pt"))
    for hook in hooks:
        hook.remove()


def _favour_few_classes(model: Any, labels: int) -> None:
    """Make a few classes win nearly everywhere: a scene shows few classes, and each takes time to decode."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") and len(parameter) in (labels, labels + 1):
                parameter.normal_().mul_(4)


def _set_statistics(norm: Any, given: tuple[Any, ...]) -> None:
    """Set the statistics of a batch normalisation, frozen or not, to those of its input."""
    norm.running_mean.copy_(given[0].mean((0, 2, 3)))
    norm.running_var.copy_(given[0].var((0, 2, 3)) if given[0].shape[2:] != (1, 1) else 1.0)


def _characters_of_clip() -> Any:
    """The token that ends a text has the highest id, by which OWL-ViT finds it."""
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
    """Special tokens have the ids of BERT, which are literals in the code of Grounding DINO."""
    from transformers import BertTokenizer

    places = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
    names = {place: name for name, place in places.items()}
    vocabulary = {names.get(place, f"[unused{place}]"): place for place in range(1030)}
    return BertTokenizer(vocab=vocabulary)


_TOKENIZERS = {"clip": _characters_of_clip, "siglip": _characters_of_siglip, "bert": _words_of_bert}
