"""Each step of a recipe does to odd sizes what the libraries' own functions do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vit_perception.cards.recipe import Crop, Pad, is_scalable, read_recipe, write_recipe
from vit_perception.cards.resize import Resize

SIZES = [(213, 317), (301, 199), (240, 240), (31, 500), (63, 64), (64, 63), (3, 5)]


def picture(size: tuple[int, int]) -> np.ndarray:
    """Noise and a ramp, so that neither a shift nor a missing filter goes unseen."""
    noise = np.random.default_rng(0).integers(0, 128, (*size, 3))
    ramp = np.linspace(0, 127, size[1])[None, :, None]
    return (noise + ramp).astype(np.uint8)


def of(step: Any, image: np.ndarray) -> np.ndarray:
    """What a step makes of an image; it must be of the size that the step announces."""
    made = step.apply(image)
    assert made.shape[:2] == step.size(image.shape[:2])
    assert made.dtype == np.uint8
    return made


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("edge", [64, 75, 224])
@pytest.mark.parametrize("filter", ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"])
def test_a_shortest_edge_is_torchvision_s(size: tuple[int, int], edge: int, filter: str) -> None:
    functional = pytest.importorskip(
        "torchvision.transforms.functional", reason="the reference implementation"
    )
    from PIL import Image

    expected = functional.resize(
        Image.fromarray(picture(size)), edge, interpolation=functional.InterpolationMode(filter)
    )
    np.testing.assert_array_equal(of(Resize("shortest_edge", edge, filter=filter), picture(size)), expected)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("crop", [(64, 64), (63, 64), (65, 32), (300, 300), (41, 330)], ids=str)
@pytest.mark.parametrize("rounding", ["even", "down"])
def test_a_crop_is_torchvision_s_or_hugging_face_s(
    size: tuple[int, int], crop: tuple[int, int], rounding: str
) -> None:
    image = picture(size)
    if rounding == "even":
        functional = pytest.importorskip("torchvision.transforms.functional", reason="the reference")
        from PIL import Image

        expected = np.asarray(functional.center_crop(Image.fromarray(image), crop))
    else:
        expected = hugging_face(
            "CLIP", image, do_resize=False, crop_size={"height": crop[0], "width": crop[1]}
        )
    np.testing.assert_array_equal(of(Crop(*crop, rounding=rounding), image), expected)


def hugging_face(family: str, image: np.ndarray, **settings: Any) -> np.ndarray:
    """(H, W, 3) of what a processor of transformers gives in bytes."""
    transformers = pytest.importorskip("transformers", reason="the reference implementation")
    pytest.importorskip("torchvision", reason="the reference implementation")
    processor = getattr(transformers, f"{family}ImageProcessor")(
        **settings, do_rescale=False, do_normalize=False
    )
    from PIL import Image

    values = processor(images=Image.fromarray(image), return_tensors="np")["pixel_values"][0]
    return np.asarray(values).transpose(1, 2, 0).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES[:5], ids=str)
@pytest.mark.parametrize("filter", [2, 3])
def test_torchvision_s_tensors_differ_from_pillow_by_a_level_or_two(
    size: tuple[int, int], filter: int
) -> None:
    """Hugging Face's processors resize tensors; the sizes are the same, and nearly all bytes."""
    shape = {"size": {"height": 97, "width": 75}, "do_center_crop": False, "resample": filter}
    expected = hugging_face("CLIP", picture(size), **shape).astype(int)
    names = {2: "bilinear", 3: "bicubic"}
    found = of(Resize("exact", 97, 75, names[filter]), picture(size)).astype(int)
    assert abs(found - expected).max() <= 2
    assert (found != expected).mean() < 0.02


@pytest.mark.parametrize("size", SIZES[:5], ids=str)
@pytest.mark.parametrize(("edge", "longest"), [(80, 133), (100, 101), (64, 1000)])
def test_a_longest_edge_is_hugging_face_s(size: tuple[int, int], edge: int, longest: int) -> None:
    transformers = pytest.importorskip("transformers", reason="the reference implementation")
    pytest.importorskip("torchvision", reason="the reference implementation")
    processor = transformers.DetrImageProcessor(
        size={"shortest_edge": edge, "longest_edge": longest}, do_pad=False
    )
    expected = processor(images=picture(size), return_tensors="np")["pixel_values"].shape[2:]
    assert Resize("shortest_edge", edge, longest).size(size) == tuple(expected)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("target", [(64, 64), (75, 48), (48, 75)], ids=str)
@pytest.mark.parametrize("longest", [0.0, 1.0])
def test_cover_and_inside_are_timm_s(size: tuple[int, int], target: tuple[int, int], longest: float) -> None:
    transforms = pytest.importorskip("timm.data.transforms", reason="the reference implementation")
    from PIL import Image

    image = picture(size)
    expected = transforms.ResizeKeepRatio(target, longest=longest, interpolation="bicubic")(
        Image.fromarray(image)
    )
    step = Resize("inside" if longest else "cover", *target, "bicubic")
    np.testing.assert_array_equal(of(step, image), expected)


@pytest.mark.parametrize("size", [(213, 317), (20, 33), (64, 10)], ids=str)
def test_a_crop_adds_its_colour_where_timm_does(size: tuple[int, int]) -> None:
    transforms = pytest.importorskip("timm.data.transforms", reason="the reference implementation")
    from PIL import Image

    expected = transforms.CenterCropOrPad((41, 64), fill=[1, 2, 3])(Image.fromarray(picture(size)))
    step = Crop(41, 64, value=(1, 2, 3), rounding="even")
    np.testing.assert_array_equal(of(step, picture(size)), expected)


@pytest.mark.parametrize(
    ("step", "size"),
    [
        (Pad("size", 320, 330, (7, 8, 9)), (320, 330)),
        (Pad("multiple", 32, 64, (7, 8, 9)), (224, 320)),
        (Pad("square", value=(7, 8, 9)), (317, 317)),
    ],
)
def test_padding_lies_below_and_on_the_right(step: Pad, size: tuple[int, int]) -> None:
    image = picture((213, 317))
    padded = of(step, image)
    assert padded.shape[:2] == size
    assert step.offset((213, 317)) == (0, 0)
    np.testing.assert_array_equal(padded[:213, :317], image)
    assert (padded[213:] == (7, 8, 9)).all()
    assert (padded[:, 317:] == (7, 8, 9)).all()


def test_a_picture_larger_than_its_padding_is_refused() -> None:
    with pytest.raises(ValueError, match="213x317 does not fit the padding to 100x400"):
        Pad("size", 100, 400).size((213, 317))


def test_a_recipe_is_written_as_it_is_read() -> None:
    steps = [
        {"do": "resize", "rule": "shortest_edge", "height": 75, "filter": "bicubic"},
        {"do": "crop", "height": 64, "width": 63, "value": (1, 2, 3), "rounding": "even"},
        {"do": "pad", "to": "multiple", "height": 32, "width": 32, "value": (4, 5, 6)},
    ]
    assert write_recipe(read_recipe(steps)) == steps


@pytest.mark.parametrize(
    ("steps", "scalable"),
    [
        ([{"do": "resize", "rule": "shortest_edge", "height": 64}], True),
        ([{"do": "resize", "rule": "exact", "height": 64, "width": 64}], False),
        (
            [
                {"do": "resize", "rule": "shortest_edge", "height": 64},
                {"do": "crop", "height": 64, "width": 64},
            ],
            False,
        ),
    ],
)
def test_only_an_input_of_free_size_is_scalable(steps: list[dict[str, Any]], scalable: bool) -> None:
    assert is_scalable(read_recipe(steps)) == scalable


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("resize", "recipe is 'resize': give a list of steps"),
        ([{"do": "rotate"}], "rotate.*give a mapping with do, one of resize, crop, pad"),
        ([{"do": "resize", "rule": "exact"}], "height"),
        ([{"do": "resize", "rule": "exact", "height": 1, "width": 1, "angle": 3}], "angle"),
        ([{"do": "resize", "rule": "longest", "height": 1}], "rule 'longest' is unknown: choose from exact"),
        ([{"do": "resize", "rule": "exact", "height": 64}], "a resize to 64x0"),
        (
            [{"do": "resize", "rule": "exact", "height": 1, "width": 1, "filter": "random"}],
            "filter 'random' is unknown: choose from nearest",
        ),
        ([{"do": "crop", "height": 0, "width": 3}], "a crop to 0x3"),
        ([{"do": "crop", "height": 3, "width": 3, "rounding": "up"}], "rounding 'up' is unknown"),
        ([{"do": "pad", "to": "left"}], "to 'left' is unknown: choose from size, multiple"),
        ([{"do": "pad", "to": "size"}], "padding to size 0x0"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named(steps: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_recipe(steps)
