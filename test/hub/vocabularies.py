"""Tokenizers that need no download: of letters for CLIP and SigLIP, of some words for BERT."""

from __future__ import annotations

import string
from typing import Any

_CHARACTERS = string.ascii_letters + string.digits + string.punctuation
# BERT's own ids, which Grounding DINO has in its code.
_BERT = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
_WORDS = ("person", "fork", "##lift", "pallet", "a", "red", "helmet", "cat", "truck", "face", "dark", "suit")
BERT_SIZE = 1030


def clip_tokenizer() -> Any:
    """Byte-level BPE of single characters; the end has the highest id, which OWL-ViT looks for."""
    from transformers import CLIPTokenizer

    tokens = [*_CHARACTERS, *(f"{each}</w>" for each in _CHARACTERS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: place for place, token in enumerate(tokens)}, merges=[])


def siglip_tokenizer() -> Any:
    """One token a character, an end, no beginning, and no mask of what is padding."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokens = ["<pad>", "<eos>", "<unk>", " ", *_CHARACTERS]
    tokenizer = Tokenizer(models.WordLevel({token: place for place, token in enumerate(tokens)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing("$A <eos>", special_tokens=[("<eos>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        unk_token="<unk>",
        model_input_names=["input_ids"],
    )


def bert_tokenizer() -> Any:
    """WordPiece of a few words."""
    from transformers import BertTokenizer

    vocabulary = {f"[unused{place}]": place for place in range(BERT_SIZE)}
    for token, place in {**_BERT, **{word: 200 + place for place, word in enumerate(_WORDS)}}.items():
        del vocabulary[f"[unused{place}]"]
        vocabulary[token] = place
    return BertTokenizer(vocab=vocabulary)
