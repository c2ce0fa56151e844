"""Read the tensors of other people's checkpoint files, without running any code in them."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

State = dict[str, Tensor]

# Names of the weights in a folder, the safest first. An index lists the shards of a large model.
_IN_FOLDER = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
# Keys under which training scripts save the model, and prefixes that wrappers add to its names.
_HOLDERS = ("state_dict", "model", "teacher")
_WRAPPERS = ("module.", "_orig_mod.")
_ZIP, _PICKLE = b"PK", b"\x80"  # torch's format since 1.6, and the one before
# First bytes of files that are often mistaken for weights.
_MAGIC = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: run `git lfs pull`"),
    (b"\x89HDF", "a Keras HDF5 file: only safetensors and torch files are read"),
    (b"<!", "a web page, not weights: the download failed"),
    (b"<html", "a web page, not weights: the download failed"),
    (b"\x08", "an ONNX or other protobuf file: give it to an engine instead"),
    (b"{", "a JSON file: give the weights beside it"),
)


def read_checkpoint(path: Path) -> tuple[State, dict[str, Any]]:
    """Read a checkpoint.

    Args:
        path: a safetensors or torch file, or a folder with one and, optionally, config.json.

    Returns:
        Name → tensor, and the content of config.json, {} without one.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: it is not a checkpoint; the message says what it is.
    """
    path = path.expanduser()
    file = _in_folder(path) if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}: give a safetensors or torch file, or its folder")
    settings_file = file.parent / "config.json"
    settings = _read_json(settings_file) if path.is_dir() and settings_file.is_file() else {}
    if file.name.endswith(".index.json"):
        shards = sorted(set(_read_json(file).get("weight_map", {}).values()))
        state: State = {}
        for shard in shards:
            state |= _read_file(file.parent / shard)
    else:
        state = _read_file(file)
    if not state:
        raise ValueError(f"{file} holds no tensors")
    return state, settings


def _in_folder(folder: Path) -> Path:
    """The file with the weights, or the index of its shards."""
    for name in _IN_FOLDER:
        if (folder / name).is_file():
            return folder / name
    weights = sorted(file for file in folder.iterdir() if file.suffix in (".safetensors", ".pt", ".pth"))
    if len(weights) == 1:
        return weights[0]
    found = ", ".join(file.name for file in weights) or "none"
    raise FileNotFoundError(f"{folder} holds no {_IN_FOLDER[0]} and not one weights file but {found}")


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file} holds a {type(content).__name__}, not an object")
    return content


def _read_file(file: Path) -> State:
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing, which the index beside it names: download it too")
    with file.open("rb") as stream:
        start = stream.read(32)
    for magic, meaning in _MAGIC:
        if start.startswith(magic) and file.suffix != ".safetensors":
            raise ValueError(f"{file} is {meaning}")
    if file.suffix == ".safetensors":
        return _read_safetensors(file, start)
    return _read_torch(file, start)


def _read_safetensors(file: Path, start: bytes) -> State:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(file))
    except SafetensorError as error:
        for magic, meaning in _MAGIC:
            if magic != b"{" and start.startswith(magic):
                raise ValueError(f"{file} is {meaning}") from error
        raise ValueError(f"{file} is not a whole safetensors file ({error}): download it again") from error


def _read_torch(file: Path, start: bytes) -> State:
    if not start.startswith((_ZIP, _PICKLE)):
        raise ValueError(f"{file} is no torch file: it starts with {start[:8]!r}")
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            if any(name.endswith("constants.pkl") for name in archive.namelist()):
                raise ValueError(f"{file} is a TorchScript program, not weights: save its state_dict()")
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{file} holds Python objects beside tensors and is not opened: save a state_dict() alone"
        ) from error
    except Exception as error:  # a damaged file can raise anything in the unpickler
        raise ValueError(f"{file} is not a whole torch file ({str(error).splitlines()[:1]})") from error
    return _unwrap(_held(content, file))


def _held(content: object, file: Path) -> Mapping[str, Any]:
    """The mapping from names to tensors within the content of a torch file."""
    if isinstance(content, Mapping):
        for holder in _HOLDERS:
            if isinstance(inner := content.get(holder), Mapping):
                return inner
        if all(isinstance(value, Tensor) for value in content.values()):
            return content
        raise ValueError(f"{file} holds {', '.join(map(str, list(content)[:4]))} …, and no state_dict")
    raise ValueError(f"{file} holds a {type(content).__name__}, not a state_dict")


def _unwrap(state: Mapping[str, Any]) -> State:
    """Names without the prefixes of DistributedDataParallel and torch.compile."""
    names = dict(state)
    for wrapper in _WRAPPERS:
        if names and all(name.startswith(wrapper) for name in names):
            names = {name.removeprefix(wrapper): tensor for name, tensor in names.items()}
    return names
