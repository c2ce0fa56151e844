"""A canvas for the overview: text, tags, swatches, arrows and pictures with rounded corners."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

BACKGROUND: Colour = (17, 19, 24)
PLATE: Colour = (43, 47, 58)
TEXT: Colour = (238, 240, 245)
FAINT: Colour = (142, 149, 166)
GREEN: Colour = (94, 214, 138)
RED: Colour = (247, 104, 104)

_SMOOTH = 4  # shapes are drawn so much larger and scaled down, since Pillow's edges are jagged
_RADIUS = 12

# Unit vectors of the arrows. "stop" is an octagon, and an action of another name a disc.
_DIRECTIONS = {
    "forward": (0.0, -1.0),
    "turn_left": (-1.0, 0.0),
    "turn_right": (1.0, 0.0),
    "backward": (0.0, 1.0),
}
_ARROW = ((13.0, 0.0), (-1.0, 11.0), (-1.0, 4.0), (-11.0, 4.0), (-11.0, -4.0), (-1.0, -4.0), (-1.0, -11.0))


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface that comes with Pillow, so that the sheet looks the same on every machine."""
    return ImageFont.load_default(size)


class Canvas:
    """A picture to draw on. The position of text is its left end and the middle of its x-height.

    Args:
        width: in pixels.
        height: in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width, height), BACKGROUND)
        self._draw = ImageDraw.Draw(self._image)

    @property
    def pixels(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        return np.array(self._image)

    def picture(self, pixels: np.ndarray, corner: tuple[int, int]) -> None:
        """Draw (H, W, 3) uint8 RGB with rounded corners; `corner` is its top left one."""
        picture = Image.fromarray(pixels)
        self._image.paste(picture, corner, _rounded(picture.width, picture.height, _RADIUS))

    def text(
        self, text: str, position: tuple[int, int], size: int, colour: Colour = TEXT, right: bool = False
    ) -> int:
        """Write a line, which ends at `position` if `right`, and return the x of its right end."""
        x, middle = position
        # Centred by the lower-case letters of the font, whatever letters the text has.
        x_top, x_bottom = font(size).getbbox("x", anchor="ls")[1::2]
        baseline = middle - (x_top + x_bottom) / 2
        self._draw.text((x, baseline), text, colour, font(size), anchor="rs" if right else "ls")
        return x if right else x + math.ceil(width(text, size))

    def tag(self, text: str, position: tuple[int, int], size: int, colour: Colour = PLATE) -> int:
        """Write text on a rounded plate, and return the x of its right end."""
        x, middle = position
        height = round(size * 1.8)
        plate = tag_width(text, size)
        self._image.paste(colour, (x, middle - height // 2), _rounded(plate, height, height // 2))
        self.text(text, (x + height // 2, middle), size)
        return x + plate

    def swatch(self, text: str, position: tuple[int, int], size: int, colour: Colour) -> int:
        """Draw a spot of colour with its meaning, and return the x of the right end."""
        x, middle = position
        self._image.paste(colour, (x, middle - size // 2), _rounded(size, size, size // 4))
        return self.text(text, (x + size + size // 2, middle), size, FAINT)

    def action(self, action: str, centre: tuple[int, int]) -> None:
        """Draw the sign of a navigation action, 28 pixels wide."""
        if action in _DIRECTIONS:
            along_x, along_y = _DIRECTIONS[action]
            points = [(a * along_x - b * along_y, a * along_y + b * along_x) for a, b in _ARROW]
        else:
            corners = 8 if action == "stop" else 24
            angles = [(0.5 + corner) * 2 * math.pi / corners for corner in range(corners)]
            points = [(13 * math.cos(angle), 13 * math.sin(angle)) for angle in angles]
        mask = Image.new("L", (32 * _SMOOTH, 32 * _SMOOTH))
        ImageDraw.Draw(mask).polygon([((x + 16) * _SMOOTH, (y + 16) * _SMOOTH) for x, y in points], 255)
        colour = RED if action == "stop" else GREEN
        self._image.paste(
            colour, (centre[0] - 16, centre[1] - 16), mask.resize((32, 32), Image.Resampling.LANCZOS)
        )


def width(text: str, size: int) -> float:
    """Width of a line in pixels."""
    return font(size).getlength(text)


def tag_width(text: str, size: int) -> int:
    """Width of a tag in pixels."""
    return math.ceil(width(text, size)) + 2 * (round(size * 1.8) // 2)


def _rounded(width: int, height: int, radius: int) -> Image.Image:
    """A mask with rounded corners."""
    corner = Image.new("L", (2 * radius * _SMOOTH, 2 * radius * _SMOOTH))
    ImageDraw.Draw(corner).ellipse((0, 0, corner.width - 1, corner.height - 1), 255)
    corner = corner.resize((2 * radius, 2 * radius), Image.Resampling.LANCZOS)
    mask = Image.new("L", (width, height), 255)
    for left, x in ((0, 0), (radius, width - radius)):
        for top, y in ((0, 0), (radius, height - radius)):
            mask.paste(corner.crop((left, top, left + radius, top + radius)), (x, y))
    return mask
