"""Frames of drives as training reads them: what the trunk gives for each, its depth, and its truth, on disk.

The trunk is frozen, so each picture goes through it once. A step then reads tokens and depth from a file that
is mapped into memory, in place of decoding pictures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from vit_perception.cards.card import Card
from vit_perception.data.dataset import Dataset
from vit_perception.data.navigation import ACTIONS, FREE_COLUMNS, PATH_POINTS, SCAN_ANGLES, NavigationTruth
from vit_perception.heads.free_space import FreeSpaceHead
from vit_perception.heads.navigation import NavigationHead
from vit_perception.model import PerceptionModel
from vit_perception.runtime.preprocess import Geometry, fit, normalised, preprocess
from vit_perception.runtime.whole_file import write_whole

# Of one frame. `known`: whether it is of a drive. `sees`: whether it has depth.
ROW = np.dtype(
    [
        ("known", "?"),
        ("sees", "?"),
        ("episode", "S120"),
        ("seconds", "f8"),
        ("goal", "f4", (2,)),
        ("goal_distance", "f4"),
        ("collision", "?"),
        ("action", "i1"),
        ("scan", "f4", SCAN_ANGLES.shape),
        ("path", "f4", (PATH_POINTS, 2)),
        ("free_space", "f4", (FREE_COLUMNS,)),
    ]
)
# Pictures that go through the trunk together.
_BATCH = 8
# Batches after which what is there is safe from a kill.
_SAVE_EVERY = 64
_MILLIMETRES = 1000.0
# How many frames are whole.
_DONE = "done.json"


@dataclass(frozen=True)
class Frames:
    """F frames of a dataset.

    Attributes:
        dataset: whose pictures they are, in its order.
        rows: (F,) of ROW.
        tokens: (F, 1 + gh·gw, D) float16, class token and patches after the trunk.
        levels: (F, C, h, w) float16, what the navigator reads of the pyramid; None if it reads nothing.
        depth: (F, H, W) uint16 millimetres, 0 unknown.
        grid: (gh, gw).
        geometry: how each picture lies in the network's input.
    """

    dataset: Dataset
    rows: np.ndarray
    tokens: np.ndarray
    levels: np.ndarray | None
    depth: np.ndarray
    grid: tuple[int, int]
    geometry: Geometry

    def metres(self, place: int) -> np.ndarray | None:
        """(H, W) float32 depth of a frame; None without."""
        if not self.rows["sees"][place]:
            return None
        return np.asarray(self.depth[place], np.float32) / np.float32(_MILLIMETRES)


def frames_of(
    dataset: Dataset,
    model: PerceptionModel,
    card: Card,
    folder: Path,
    device: torch.device,
    bf16: bool = True,
) -> Frames:
    """The frames of a dataset; those that an earlier call has kept in `folder` are not computed again.

    Args:
        dataset: of pictures of one size.
        model: with a navigator, in evaluation mode on `device`; the rest of it is the trunk.
        card: of the model: size, mean and std of its input.
        folder: keeps them, in a folder named after dataset and trunk.
        device: computes.
        bf16: whether the trunk computes in bfloat16.

    Raises:
        ValueError: the dataset has no drive, or its pictures or depths have several sizes.
    """
    size = dataset.picture(0).shape[:2]
    height, width = size
    first = dataset.annotation(0).depth
    seen = (height, width) if first is None else first.shape
    geometry = fit((height, width), card.input_sizes)
    stride = model.backbone.stride
    grid = (geometry.input[0] // stride, geometry.input[1] // stride)
    shape = _level_shape(model, geometry.input)
    count = len(dataset)
    kept = folder / f"{dataset.folder.resolve().name}-{_digest(dataset, model, card, bf16)}"
    kept.mkdir(parents=True, exist_ok=True)
    rows = _mapped(kept / "rows", ROW, (count,))
    tokens = _mapped(
        kept / "tokens", np.dtype(np.float16), (count, 1 + grid[0] * grid[1], model.backbone.embed_dim)
    )
    levels = _mapped(kept / "levels", np.dtype(np.float16), (count, *shape)) if shape else None
    depth = _mapped(kept / "depth", np.dtype(np.uint16), (count, *seen))
    done = kept / _DONE
    begin = json.loads(done.read_text()) if done.is_file() else 0
    starts = range(begin, count, _BATCH)
    for start in tqdm(starts, desc=f"frames of {dataset.folder.name}", disable=None if len(starts) else True):
        places = range(start, min(start + _BATCH, count))
        pixels = []
        for place in places:
            picture, annotation = dataset.picture(place), dataset.annotation(place)
            if picture.shape[:2] != size:
                raise ValueError(
                    f"{dataset.name(place)} has {picture.shape[0]}x{picture.shape[1]} pixels, and the first "
                    f"picture {height}x{width}: record drives in one size"
                )
            rows[place] = _row(annotation.navigation, annotation.depth is not None)
            if annotation.depth is not None:
                depth[place] = _stored(annotation.depth, seen, dataset.name(place))
            pixels.append(preprocess(picture, card, "rgb")[0])
        batch = list(places)
        tokens[batch], level = _look(model, normalised(np.concatenate(pixels), card), device, bf16)
        if levels is not None:
            levels[batch] = level
        if (start // _BATCH + 1) % _SAVE_EVERY == 0 or places[-1] == count - 1:
            for each in (rows, tokens, levels, depth):
                if each is not None:
                    each.flush()
            write_whole(done, json.dumps(places[-1] + 1).encode())
    if not rows["known"].any():
        raise ValueError(f"{dataset.folder} has no navigation.jsonl of drives: record them first")
    return Frames(dataset, rows, tokens, levels, depth, grid, geometry)


def _mapped(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> np.memmap:
    """An array in a file, made if need be; its pages are read as they are used."""
    size = int(np.prod(shape)) * dtype.itemsize
    if not path.is_file() or path.stat().st_size != size:
        # What was kept beside it is of no use without it.
        (path.parent / _DONE).unlink(missing_ok=True)
        return np.memmap(path, dtype, "w+", shape=shape)
    return np.memmap(path, dtype, "r+", shape=shape)


def _digest(dataset: Dataset, model: PerceptionModel, card: Card, bf16: bool) -> str:
    """Of everything that decides what is kept."""
    found = hashlib.sha256(repr((str(dataset.folder.resolve()), len(dataset), card.input_sizes)).encode())
    found.update(repr((card.mean, card.std, bf16)).encode())
    read = dict(model.backbone.state_dict())
    if _level(model) is not None and model.pyramid is not None:
        read |= model.pyramid.state_dict(prefix="pyramid.")
    for name, value in read.items():
        found.update(name.encode() + value.detach().cpu().float().numpy().tobytes())
    return found.hexdigest()[:12]


def _row(truth: NavigationTruth | None, sees: bool) -> np.ndarray:
    row = np.zeros((), ROW)
    row["sees"], row["free_space"] = sees, np.nan
    if truth is not None:
        row["known"], row["action"] = True, ACTIONS.index(truth.action)
        row["episode"] = truth.episode.encode("utf-8", "surrogateescape")
        for name in ("seconds", "goal", "goal_distance", "collision", "scan", "path"):
            row[name] = getattr(truth, name)
        if truth.free_space is not None:
            row["free_space"] = truth.free_space
    return row


def _stored(depth: np.ndarray, size: Sequence[int], name: str) -> np.ndarray:
    if depth.shape != tuple(size):
        raise ValueError(f"the depth of {name} is {depth.shape}, and that of the first {tuple(size)}")
    return np.where(np.isfinite(depth), depth * _MILLIMETRES, 0).clip(0, 65535).round().astype(np.uint16)


def _level(model: PerceptionModel) -> str | None:
    """The level of the pyramid that the navigator reads; None if it reads none."""
    reader = _reader(model)
    return None if reader is None else reader.level


def _reader(model: PerceptionModel) -> FreeSpaceHead | None:
    head = model.heads["navigation"]
    return head.free_space if isinstance(head, NavigationHead) else None


def _level_shape(model: PerceptionModel, size: Sequence[int]) -> tuple[int, ...] | None:
    """(C, h, w) of the level that is read, for an input of (height, width)."""
    reader, pyramid = _reader(model), model.pyramid
    if reader is None or pyramid is None:
        return None
    return reader.channels, *(round(side / pyramid.strides[reader.level]) for side in size)


@torch.inference_mode()
def _look(
    model: PerceptionModel, images: np.ndarray, device: torch.device, bf16: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Normalised images (B, 3, H, W) → tokens (B, 1 + N, D) and the level (B, C, h, w) read, float16."""
    name, pyramid = _level(model), model.pyramid
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        # Convolutions of a hybrid take two thirds of the time with channels last.
        pixels = torch.from_numpy(images).to(device).contiguous(memory_format=torch.channels_last)
        if name is None or pyramid is None:
            features, level = model.backbone(pixels), None
        else:
            features = model.backbone(pixels, layers=pyramid.config.layers)
            level = pyramid(features)[name].half().cpu().numpy()
    tokens = torch.cat([features.cls_token.unsqueeze(1), features.patch_tokens], dim=1)
    return tokens.half().cpu().numpy(), level
