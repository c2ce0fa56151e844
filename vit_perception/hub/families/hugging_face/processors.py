"""The settings of Hugging Face's image processors as the steps of a recipe (see `cards/recipe.py`).

Most processors are one pipeline with switches: resize, crop, normalise, pad. The others have a function of
their own here, by the name of their class without `ImageProcessor` and the suffix of a backend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Steps = tuple[Mapping[str, Any], ...]

_FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}


def recipe_of(processor: Any) -> Steps:
    """What it does with an image, up to the normalisation.

    Raises:
        ValueError: it does something that there is no step for.
    """
    kind = kind_of(processor)
    if kind in _REFUSED:
        raise ValueError(
            f"{type(processor).__name__} does more than resize, crop and pad, which is not supported"
        )
    make = _SPECIAL.get(kind, _usual)
    return tuple(make(processor))


def normalisation_of(processor: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) of RGB in 0..1 that its settings come to."""
    # An image in bytes times the factor is what is normalised: 1/255 nearly always.
    unit = processor.rescale_factor * 255 if getattr(processor, "do_rescale", True) else 255.0
    if not getattr(processor, "do_normalize", False) or processor.image_mean is None:
        return (0.0,) * 3, (1 / unit,) * 3
    mean, std = (
        tuple(float(value) / unit for value in (values if isinstance(values, list | tuple) else [values] * 3))
        for values in (processor.image_mean, processor.image_std)
    )
    if kind_of(processor) == "EfficientNet":
        if processor.rescale_offset:
            mean = tuple(value + 1 / unit for value in mean)
        if processor.include_top:  # divides by the deviation once more
            std = tuple(value * value * unit for value in std)
    return mean, std


def flips_channels(processor: Any) -> bool:
    """Whether the network reads blue first."""
    return bool(getattr(processor, "do_flip_channel_order", False))


def kind_of(processor: Any) -> str:
    """`Detr` of `DetrImageProcessorPil`."""
    return type(processor).__name__.partition("ImageProcessor")[0]


def _usual(processor: Any) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    if getattr(processor, "do_resize", False):
        steps.append(_resize(processor))
    if getattr(processor, "do_center_crop", False):
        size = processor.crop_size
        steps.append({"do": "crop", "height": size["height"], "width": size["width"]})
    return steps + _padding(processor)


def _resize(processor: Any) -> dict[str, Any]:
    size = processor.size
    step: dict[str, Any] = {"do": "resize", "filter": _filter(processor)}
    if size.get("shortest_edge"):
        step |= {"rule": "shortest_edge", "height": size["shortest_edge"]}
        return step | ({"width": size["longest_edge"]} if size.get("longest_edge") else {})
    if size.get("max_height") and size.get("max_width"):
        return step | {"rule": "limit", "height": size["max_height"], "width": size["max_width"]}
    if size.get("height") and size.get("width"):
        return step | {"rule": "exact", "height": size["height"], "width": size["width"]}
    raise ValueError(f"{type(processor).__name__} resizes to {dict(size)}, which is not supported")


def _filter(processor: Any) -> str:
    return _FILTERS[int(processor.resample if processor.resample is not None else 2)]


def _padding(processor: Any) -> list[dict[str, Any]]:
    """Zeros after the normalisation are the mean colour before it."""
    if not getattr(processor, "do_pad", False):
        return []
    colour = mean_colour(processor)
    if size := getattr(processor, "pad_size", None):
        return [
            {"do": "pad", "to": "size", "height": size["height"], "width": size["width"], "value": colour}
        ]
    if by := getattr(processor, "size_divisor", None):
        return [{"do": "pad", "to": "multiple", "height": by, "width": by, "value": colour}]
    return []  # to the largest of a batch, whose frames are of one size here


def mean_colour(processor: Any) -> tuple[int, int, int]:
    """What normalises to about zero."""
    red, green, blue = (round(255 * value) for value in normalisation_of(processor)[0])
    return red, green, blue


def _yolos(processor: Any) -> list[dict[str, Any]]:
    steps = _usual(processor)
    if steps and steps[0].get("rule") == "shortest_edge":
        steps[0]["multiple"] = 16
    return steps


def _convnext(processor: Any) -> list[dict[str, Any]]:
    if not processor.do_resize:
        return _usual(processor)
    edge = processor.size["shortest_edge"]
    if edge >= 384:
        return [
            {"do": "resize", "rule": "exact", "height": edge, "width": edge, "filter": _filter(processor)}
        ]
    resize = {"do": "resize", "rule": "shortest_edge", "height": int(edge / processor.crop_pct)}
    return [resize | {"filter": _filter(processor)}, {"do": "crop", "height": edge, "width": edge}]


def _levit(processor: Any) -> list[dict[str, Any]]:
    steps = _usual(processor)
    if steps and steps[0].get("rule") == "shortest_edge":
        steps[0]["height"] = int(256 / 224 * steps[0]["height"])
    return steps


def _poolformer(processor: Any) -> list[dict[str, Any]]:
    steps = _usual(processor)
    if steps and steps[0]["do"] == "resize" and processor.crop_pct is not None:
        height, width = (int(steps[0].get(side, 0) / processor.crop_pct) for side in ("height", "width"))
        whole = steps[0]["rule"] == "exact" and height != width
        steps[0] |= {"rule": "exact", "width": width} if whole else {"rule": "shortest_edge", "width": 0}
        steps[0]["height"] = height
    return steps


def _owlv2(processor: Any) -> list[dict[str, Any]]:
    # Padded before the normalisation: black, not the mean colour.
    steps: list[dict[str, Any]] = [{"do": "pad", "to": "square"}] if processor.do_pad else []
    return steps + ([_resize(processor) | {"smooth": "gaussian"}] if processor.do_resize else [])


def _rf_detr(processor: Any) -> list[dict[str, Any]]:
    steps = _usual(processor)
    if steps and steps[0]["do"] == "resize":
        steps[0]["smooth"] = "none"
    return steps


def _dpt(processor: Any) -> list[dict[str, Any]]:
    if processor.do_pad:
        raise ValueError(f"{type(processor).__name__} pads on all sides (do_pad), which is not supported")
    steps = _usual(processor)
    if processor.do_resize:
        steps[0] |= _to_multiple(processor)
    return steps


def _zoedepth(processor: Any) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [{"do": "pad", "to": "reflect"}] if processor.do_pad else []
    if processor.do_resize:
        steps.append(_resize(processor) | _to_multiple(processor) | {"smooth": "corners"})
    return steps


def _to_multiple(processor: Any) -> dict[str, Any]:
    """The size that a resize to `size`, in multiples of a number, comes to."""
    # ZoeDepth's default is a fraction, which changes nothing.
    multiple = max(1, round(processor.ensure_multiple_of or 1))
    if processor.keep_aspect_ratio:
        return {"rule": "multiple", "multiple": multiple}
    sides = {side: max(1, round(processor.size[side] / multiple)) * multiple for side in ("height", "width")}
    return {"rule": "exact", **sides}


def _glpn(processor: Any) -> list[dict[str, Any]]:
    if not processor.do_resize:
        return []
    step = {"do": "resize", "rule": "percent", "height": 100, "width": 100, "filter": _filter(processor)}
    return [step | {"multiple": processor.size_divisor}]


def _mask_former(processor: Any) -> list[dict[str, Any]]:
    """Sides are stretched to the next multiple, not padded; padding, if any, is to one size."""
    steps: list[dict[str, Any]] = []
    if processor.do_resize:
        step, by = _resize(processor), processor.size_divisor or 1
        if step["rule"] == "exact":
            step |= {side: -(-step[side] // by) * by for side in ("height", "width")}
        elif step["rule"] == "shortest_edge":
            step |= {"multiple": by, "up": True}
        elif by > 1:
            raise ValueError(
                f"{type(processor).__name__} resizes to {dict(processor.size)} in multiples of {by}, which "
                "is not supported"
            )
        steps.append(step)
    if size := processor.pad_size:
        colour = mean_colour(processor)
        steps.append(
            {"do": "pad", "to": "size", "height": size["height"], "width": size["width"], "value": colour}
        )
    return steps


def _eomt(processor: Any) -> list[dict[str, Any]]:
    # Padded before the normalisation: black. Where it splits images, the model does, see `universal.py`.
    steps = [_resize(processor)] if processor.do_resize else []
    if processor.do_pad and not processor.do_split_image:
        height = processor.size["shortest_edge"]
        width = processor.size.get("longest_edge") or height
        steps.append({"do": "pad", "to": "size", "height": height, "width": width})
    return steps


# Patches instead of images, colours as tokens, crops before resizing, sides of their own.
_REFUSED = ("Donut", "Gemma3", "ImageGPT", "Perceiver", "PPLCNet", "Siglip2", "TextNet", "TimmWrapper")
_SPECIAL: dict[str, Callable[[Any], list[dict[str, Any]]]] = {
    "Yolos": _yolos,
    "ConvNext": _convnext,
    "Levit": _levit,
    "PoolFormer": _poolformer,
    "Owlv2": _owlv2,
    "RfDetr": _rf_detr,
    "MaskFormer": _mask_former,
    "Mask2Former": _mask_former,
    "Eomt": _eomt,
    "DPT": _dpt,
    "ZoeDepth": _zoedepth,
    "GLPN": _glpn,
}
