"""A backbone with public weights, in one call."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.registry import VARIANTS
from vit_perception.checkpoints import cvt, mobilevit, mvit, swin, vit, vitdet
from vit_perception.checkpoints.card import BackboneCard
from vit_perception.checkpoints.catalog import read_catalog
from vit_perception.checkpoints.download import download
from vit_perception.checkpoints.files import State, read_checkpoint
from vit_perception.checkpoints.format import Format, convert

FORMATS: tuple[Format, ...] = (
    *vit.FORMATS,
    *swin.FORMATS,
    *mobilevit.FORMATS,
    *mvit.FORMATS,
    *cvt.FORMATS,
    *vitdet.FORMATS,
)


class LoadedBackbone(NamedTuple):
    """backbone: in evaluation mode. card: None for a file that none was given for. format: the source and
    family of the file. dropped: names of its tensors that are no part of a backbone (heads, mask tokens)."""

    backbone: Backbone
    card: BackboneCard | None
    format: str
    dropped: tuple[str, ...]


def load_backbone(
    source: str | Path,
    *,
    card: BackboneCard | str | None = None,
    in_chans: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> LoadedBackbone:
    """A backbone from a file, a folder, or by its name in the catalogue.

    source: a safetensors or torch file, a folder with config.json, or a name that `vit-perception models`
    lists. card: of a local file: its own, or a name in the catalogue. in_chans: input channels; weights
    learned on RGB are adapted. overrides: fields of the family's config, for what tensors do not tell.

    Raises:
        FileNotFoundError: nothing is there, or the hub cannot be reached. ValueError: the file is
            something else, damaged, or not what its card says; the message says what it is.
    """
    if isinstance(card, str):
        card = _listed(card)
    path = Path(source).expanduser()
    if not path.exists():
        if str(source) not in read_catalog():
            raise FileNotFoundError(
                f"{source} is neither a file nor a name that `vit-perception models` lists: "
                "give the path of a checkpoint"
            )
        card = card or _listed(str(source))
        path = download(card)
    state, settings = read_checkpoint(path)
    format = recognise(state, settings, path)

    def override(config: Any) -> Any:
        if card is not None:
            config = _as_the_card_says(config, card, path)
        fields = dict(overrides or {}) | ({} if in_chans is None else {"in_chans": in_chans})
        try:
            return dataclasses.replace(config, **fields)
        except TypeError as error:
            raise ValueError(f"overrides {sorted(fields)}: {error}") from error

    try:
        backbone, dropped = convert(state, format, settings, override)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return LoadedBackbone(backbone, card, str(format), dropped)


def recognise(state: State, settings: Mapping[str, Any], path: Path) -> Format:
    """The format whose names these tensors carry.

    Raises:
        ValueError: it is none that is known; the message says what the file holds.
    """
    for format in FORMATS:
        if format.recognises(state):
            return format
    kind = settings.get("model_type") or settings.get("architecture")
    names = ", ".join(repr(name) for name in list(state)[:3])
    described = f"a {kind}" if kind else f"{len(state)} tensors named like {names}"
    known = sorted({str(format) for format in FORMATS})
    raise ValueError(f"{path} holds {described}, which is none of: {', '.join(known)}")


def _listed(name: str) -> BackboneCard:
    catalog = read_catalog()
    if name not in catalog:
        raise ValueError(f"no checkpoint is named {name!r}: `vit-perception models` lists them")
    return catalog[name]


def _as_the_card_says(config: Any, card: BackboneCard, path: Path) -> Any:
    """The config that the tensors gave with the card's eps and positions.

    Raises:
        ValueError: the tensors are of another architecture than the card.
    """
    expected = VARIANTS[card.architecture]
    for name in ("embed_dim", "depth", "depths", "patch_size"):
        found, wanted = getattr(config, name, None), getattr(expected, name, None)
        if found != wanted:
            raise ValueError(f"{path} is no {card.architecture}: its {name} is {found}, not {wanted}")
    fields: dict[str, Any] = {"norm_eps": card.norm_eps}
    # What some sources' tensors do not tell.
    for name in ("num_heads", "window_size"):
        if hasattr(config, name):
            fields[name] = getattr(expected, name)
    if card.pos_interpolation is not None:
        fields["pos_interpolation"] = card.pos_interpolation
    return dataclasses.replace(config, **fields)
