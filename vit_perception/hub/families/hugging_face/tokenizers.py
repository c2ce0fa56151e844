"""Prompts as the token ids of a checkpoint's own tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vit_perception.hub.reasons import reason_of
from vit_perception.install_hint import pip_install


def tokenizer_of(folder: Path) -> Any:
    """The tokenizer in a checkpoint's folder.

    Raises:
        ValueError: its files are missing or damaged, or it needs a library that is not installed.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except ImportError as error:
        raise ValueError(
            f"the tokenizer in {folder} needs libraries that are not installed: "
            f"{pip_install('sentencepiece protobuf')}"
        ) from error
    except Exception as error:  # each tokenizer has errors of its own
        raise ValueError(
            f"the tokenizer in {folder} cannot be used: {reason_of(error)}; download it again"
        ) from error


def check_lengths(prompts: Sequence[str], lengths: Sequence[int], most: int) -> None:
    """Raise ValueError if a prompt has more tokens than a text encoder reads."""
    for prompt, length in zip(prompts, lengths, strict=True):
        if length > most:
            raise ValueError(
                f"prompt {prompt!r} has {length} tokens, of which the model reads {most}: shorten it"
            )
