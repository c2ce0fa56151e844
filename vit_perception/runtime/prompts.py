"""Prompts of models with an open vocabulary: what they may be, and what a text encoder makes of them.

Encoding needs torch, and happens once: the arrays are kept in the model's folder, where a robot without torch
finds those of its prompts.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shlex
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.install_hint import install_hint
from vit_perception.runtime.engines import Builder

_LOG = logging.getLogger(__name__)
MOST_PROMPTS = 100
# What transformers' pipeline puts prompts into, by class of the model; all others take them as they are.
_TEMPLATES = {"CLIPModel": "This is a photo of {}.", "SiglipModel": "This is a photo of {}."}
# Where encodings are kept, and how many sets of prompts: some hundred kilobytes each.
_FOLDER = "prompts"
_MOST_KEPT = 100


def check_prompts(prompts: Sequence[str]) -> tuple[str, ...]:
    """The prompts.

    Raises:
        ValueError: they are no list of one to MOST_PROMPTS different texts.
    """
    if isinstance(prompts, str) or not isinstance(prompts, Sequence) or not prompts:
        raise ValueError(f"prompts is {prompts!r}: give a list of at least one text")
    if len(prompts) > MOST_PROMPTS:
        raise ValueError(f"prompts has {len(prompts)} texts: give {MOST_PROMPTS} at most")
    for place, prompt in enumerate(prompts):
        if not isinstance(prompt, str) or not prompt.strip():
            raise ValueError(f"prompts holds {prompt!r}: give texts that are not empty")
        if prompt in prompts[:place]:
            raise ValueError(f"prompts holds {prompt!r} twice: give each once")
    return tuple(prompts)


def template_of(class_name: str) -> str:
    """The text around a prompt, `{}` in its place, for a model class of transformers.

    It is part of the key of kept encodings: another text would make another encoding.
    """
    return _TEMPLATES.get(class_name, "{}")


def encode_prompts(
    card: Card, prompts: Sequence[str], build_public: Builder | None = None
) -> dict[str, np.ndarray]:
    """The text inputs of a model for these prompts, from its folder if they were encoded before.

    Args:
        card: of a model with an open vocabulary.
        prompts: one to MOST_PROMPTS texts.
        build_public: makes the model that encodes, see `Builder`.

    Raises:
        ValueError: they are no prompts, or too long, or the model takes none; or they were never encoded
            and there is no `build_public`, or torch or transformers is not installed here.
        FileNotFoundError: a file of the model is missing.
    """
    prompts = check_prompts(prompts)
    if not card.open_vocabulary:
        raise ValueError(
            f"model {card.name} has a vocabulary of its own and takes no prompts: choose a model such as "
            "hf:google/owlv2-base-patch16-ensemble"
        )
    found = _kept(_file(card, prompts))
    if found is None:
        found = _encoded(card, prompts, build_public)
        try:
            keep_encoding(card, prompts, found)
        except OSError as error:
            _LOG.warning("prompts cannot be kept, so each start encodes them anew, with torch: %s", error)
    return found


def keep_encoding(card: Card, prompts: Sequence[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write the encoding of `prompts` into the model's folder, whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    file = _file(card, prompts)
    file.parent.mkdir(exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
        os.chmod(draft, 0o644)  # a robot's nodes may run as another user
        os.replace(draft, file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    kept = sorted(file.parent.glob("*.npz"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in kept[_MOST_KEPT:]:
        old.unlink(missing_ok=True)


def _file(card: Card, prompts: Sequence[str]) -> Path:
    """Where the encoding of `prompts` is kept, inside the text that they are put into."""
    key = json.dumps([template_of(card.architecture["class"]), *prompts])
    return card.folder / _FOLDER / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"


def _kept(file: Path) -> dict[str, np.ndarray] | None:
    """Arrays in a file; None where there is none, or it is damaged."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _encoded(card: Card, prompts: Sequence[str], build_public: Builder | None) -> dict[str, np.ndarray]:
    try:
        from vit_perception.runtime.engines.torch import load_any_model

        # Loaded only for this and freed: it is needed when prompts change.
        model = load_any_model(card, build_public)
        return {name: value.contiguous().numpy() for name, value in model.encode(prompts).items()}
    except ModuleNotFoundError as error:
        raise ValueError(
            f"these prompts were never encoded for {card.name}, and encoding them needs {error.name}: "
            f"{install_hint()}; or encode them elsewhere with "
            f"`vit-perception models fetch {card.name} --prompts {shlex.quote(','.join(prompts))} --to DIR`"
        ) from error
