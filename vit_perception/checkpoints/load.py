"""`load_backbone`: a backbone with public weights, in one call."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.registry import VARIANTS
from vit_perception.checkpoints import cvt, mobilevit, mvit, swin, vit, vitdet
from vit_perception.checkpoints.card import BackboneCard
from vit_perception.checkpoints.catalog import find_card
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
    """What `load_backbone` returns.

    Attributes:
        backbone: with the weights, in evaluation mode.
        card: how to prepare an image for it, and its licence; None for a local file without a card.
        format: source and family of the file, such as `timm vit`.
        dropped: names of the file's tensors that are not part of a backbone, such as classifiers.
    """

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
    """Load public weights into our layers, without the classifier, for our heads and our training.

    A name says whose weights; what you give it to decides what becomes of them. `model:=timm:NAME` runs the
    model as its publisher made it, with its classes. `load_backbone("timm:NAME")` puts the same weights into
    our layers, without the classifier, for our heads and our training.

    Args:
        source: a safetensors or torch file, a folder with config.json, or the name of a checkpoint: as
            `vit-perception models` lists it (`timm/NAME`, `facebook/dinov2-small`,
            `torchvision/swin_t.IMAGENET1K_V1`), or as after `model:=` (`timm:NAME`,
            `hf:facebook/dinov2-small`, `torchvision:swin_t`).
        card: for a local file, its card or the name of a checkpoint that it has the card of.
        in_chans: channels of the image; weights of RGB models are adapted. None for the file's own.
        overrides: fields of the backbone's config, for what the tensors do not tell, such as `window_size`.

    Raises:
        FileNotFoundError: the file or name does not exist, or the file cannot be downloaded.
        ValueError: the file is something else or damaged, or differs from its card.
    """
    if isinstance(card, str):
        listed = find_card(card)
        if listed is None:
            raise ValueError(f"no checkpoint is named {card!r}: `vit-perception models` lists them")
        card = listed
    path = Path(source).expanduser()
    if not path.exists():
        listed = find_card(str(source))
        if listed is None:
            raise FileNotFoundError(
                f"{source} is neither a file nor a name that `vit-perception models` lists: to put weights "
                "into our layers, give the path of a checkpoint or one of those names; to run another public "
                "model as its publisher made it, with its classes, give model:=timm:NAME, "
                "model:=hf:ORG/NAME or model:=torchvision:NAME"
            )
        card = card or listed
        path = download(card)
    state, settings = read_checkpoint(path)
    format = recognise(state, settings, path)

    def override(config: Any) -> Any:
        if card is not None:
            config = _with_card(config, card, path)
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
    """Find the format of a file.

    Args:
        state: name in the file → tensor.
        settings: content of the config.json beside the file, {} without one.
        path: of the file, for error messages.

    Raises:
        ValueError: it is in none of FORMATS; the message says what the file holds.
    """
    for format in FORMATS:
        if format.recognises(state):
            return format
    kind = settings.get("model_type") or settings.get("architecture")
    names = ", ".join(repr(name) for name in list(state)[:3])
    described = f"a {kind}" if kind else f"{len(state)} tensors named like {names}"
    known = sorted({str(format) for format in FORMATS})
    raise ValueError(f"{path} holds {described}, which is none of: {', '.join(known)}")


def _with_card(config: Any, card: BackboneCard, path: Path) -> Any:
    """The config that the tensors gave, with what only the card tells: epsilon, positions, heads, windows.

    Raises:
        ValueError: the tensors have another architecture than the card.
    """
    expected = VARIANTS[card.architecture]
    for name in ("embed_dim", "depth", "depths", "patch_size"):
        found, wanted = getattr(config, name, None), getattr(expected, name, None)
        if found != wanted:
            raise ValueError(f"{path} is no {card.architecture}: its {name} is {found}, not {wanted}")
    fields: dict[str, Any] = {"norm_eps": card.norm_eps}
    # Not every source's tensors tell these.
    for name in ("num_heads", "window_size"):
        if hasattr(config, name):
            fields[name] = getattr(expected, name)
    if card.pos_interpolation is not None:
        fields["pos_interpolation"] = card.pos_interpolation
    return dataclasses.replace(config, **fields)
