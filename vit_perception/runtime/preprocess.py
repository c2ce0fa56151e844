"""A camera frame in, a network input out, and the geometry that leads back.

The frame is scaled with its aspect ratio kept into the top left corner of the input; the rest is
padding with the mean colour, which normalises to about zero. The input is bytes: the engines
normalise, inside their graph or on their device, where that costs least.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.runtime.card import Card

ORDERS = ("bgr", "rgb")


@dataclass(frozen=True)
class Geometry:
    """How a source frame lies in the network input; every size is (height, width) in pixels.

    source: the frame; content: the frame once scaled; input: content plus padding right and below.
    """

    source: tuple[int, int]
    content: tuple[int, int]
    input: tuple[int, int]

    @property
    def scale(self) -> tuple[float, float]:
        """Input pixels for one source pixel along y and x (they differ by the rounding of `content`)."""
        return self.content[0] / self.source[0], self.content[1] / self.source[1]

    def of_maps(self, scale: float) -> Geometry:
        """The same for maps `scale` times the source in size, as if the frame had been as small."""
        height, width = (max(1, round(side * scale)) for side in self.source)
        return dataclasses.replace(self, source=(height, width))

    def boxes_to_source(self, boxes: np.ndarray) -> np.ndarray:
        """(N, 4) `x_min, y_min, x_max, y_max` in input pixels → float32 source pixels, clipped."""
        scale_y, scale_x = self.scale
        height, width = self.source
        scaled = boxes / np.array([scale_x, scale_y, scale_x, scale_y], np.float32)
        return np.clip(scaled, 0, np.array([width, height, width, height], np.float32)).astype(np.float32)

    def cells(self, grid: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of a (rows, columns) map over the input that see any of the content."""
        return (
            -(-self.content[0] * grid[0] // self.input[0]),
            -(-self.content[1] * grid[1] // self.input[1]),
        )

    def map_to_source(self, values: np.ndarray) -> np.ndarray:
        """A map (rows, columns) over the whole input → (H, W) of the source, interpolated linearly.

        Cells that lie in the padding alone have no part in it. The result is in place to half a source pixel.
        """
        grid = (values.shape[0], values.shape[1])
        rows, columns = self.cells(grid)
        height, width = self.source
        # The last cells may reach beyond the content: resize them in full, then cut.
        full_height = max(height, round(rows * self.input[0] / grid[0] / self.scale[0]))
        full_width = max(width, round(columns * self.input[1] / grid[1] / self.scale[1]))
        cropped = np.ascontiguousarray(values[:rows, :columns])
        resized = cv2.resize(cropped, (full_width, full_height), interpolation=cv2.INTER_LINEAR)
        return resized[:height, :width]


def check_image(image: object) -> np.ndarray:
    """Return `image` if it is (H, W, 3) uint8 with H and W at least one.

    Raises:
        ValueError: it is something else; the message says what, and what to do.
    """
    if image is None:
        raise ValueError("the image is None: the file could not be read, or no frame has arrived")
    if not isinstance(image, np.ndarray):
        raise ValueError(
            f"the image is a {type(image).__name__}: give a NumPy array (height, width, 3) of uint8"
        )
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"the image has shape {image.shape}: give (height, width, 3), converted with cv2.cvtColor"
        )
    if image.size == 0:
        raise ValueError(f"the image has shape {image.shape}, which holds no pixel")
    if image.dtype != np.uint8:
        raise ValueError(f"the image is of {image.dtype}: give uint8, 0 to 255")
    return image


def fit(source: tuple[int, int], sizes: tuple[tuple[int, int], ...]) -> Geometry:
    """Choose, of the (height, width) `sizes`, the one in which a frame of size `source` appears largest.

    Where two show it equally large, the one with less padding costs less and is taken.
    """
    height, width = source

    def scale(size: tuple[int, int]) -> float:
        return min(size[0] / height, size[1] / width)

    size = max(sizes, key=lambda size: (scale(size), -size[0] * size[1]))
    # A frame of one line still needs a line of content.
    content = (max(1, round(height * scale(size))), max(1, round(width * scale(size))))
    return Geometry(source, content, size)


def scaled(size: tuple[int, int], scale: float, patch: int) -> tuple[int, int]:
    """(height, width) times `scale`, in whole patches, at least one."""
    return max(round(size[0] * scale / patch), 1) * patch, max(round(size[1] * scale / patch), 1) * patch


def preprocess(
    image: np.ndarray, card: Card, order: str = "bgr", scale: float = 1.0
) -> tuple[np.ndarray, Geometry]:
    """Scale and pad one frame.

    Args:
        image: (H, W, 3) uint8, contiguous or not.
        order: of its channels, `bgr` or `rgb`.
        scale: size of the input in input sizes of the card.

    Returns:
        A (1, h, w, 3) uint8 batch in RGB, h x w one of `card.input_sizes` times `scale`, and its Geometry.

    Raises:
        ValueError: the image or the order is not one of these.
    """
    check_image(image)
    if order not in ORDERS:
        raise ValueError(f"unknown channel order {order!r}: choose from {', '.join(ORDERS)}")
    sizes = tuple(scaled(size, scale, card.patch_size) for size in card.input_sizes)
    geometry = fit((image.shape[0], image.shape[1]), sizes)
    height, width = geometry.content
    # Channels are swapped on the small image.
    small = _shrink(image, height, width)
    batch = np.empty((1, *geometry.input, 3), np.uint8)
    content = batch[0, :height, :width]
    content[...] = small if order == "rgb" else small[..., ::-1]
    mean = np.rint(np.multiply(card.mean, 255)).astype(np.uint8)
    batch[0, height:] = mean
    batch[0, :height, width:] = mean
    return batch, geometry


def normalised(images: np.ndarray, card: Card) -> np.ndarray:
    """(B, H, W, 3) uint8 RGB → (B, 3, H, W) float32, as the network was trained."""
    scale = np.float32(1) / (255 * np.asarray(card.std, np.float32))
    shift = np.asarray(card.mean, np.float32) / np.asarray(card.std, np.float32)
    return np.ascontiguousarray((images * scale - shift).transpose(0, 3, 1, 2))


def _shrink(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize without aliasing. Halving first is five times quicker than OpenCV's filter for any ratio,
    and what is left, less than a half, leaves out no pixel."""
    while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        # An odd line at the edge would take the slow path.
        image = cv2.resize(image[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
