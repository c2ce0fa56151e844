"""A camera frame in, a normalised network input out, and the geometry that leads back.

The frame is scaled with its aspect ratio kept into the top left corner of the input; the rest is
padding with the mean colour, which normalises to zero.
"""

from __future__ import annotations

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


def preprocess(image: np.ndarray, card: Card, order: str = "bgr") -> tuple[np.ndarray, Geometry]:
    """Scale, pad and normalise one frame.

    Args:
        image: (H, W, 3) uint8, contiguous or not.
        order: of its channels, `bgr` or `rgb`.

    Returns:
        A (1, 3, h, w) float32 batch in RGB, h x w one of `card.input_sizes`, and its Geometry.

    Raises:
        ValueError: the image or the order is not one of these.
    """
    check_image(image)
    if order not in ORDERS:
        raise ValueError(f"unknown channel order {order!r}: choose from {', '.join(ORDERS)}")
    geometry = fit((image.shape[0], image.shape[1]), card.input_sizes)
    height, width = geometry.content
    shrinks = height < image.shape[0] or width < image.shape[1]
    # Resizing first: channels are then swapped and scaled on the small image, whatever the camera gives.
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    batch = np.zeros((1, 3, *geometry.input), np.float32)
    planes = cv2.split(small)
    for channel, plane in enumerate(planes if order == "rgb" else planes[::-1]):
        out = batch[0, channel, :height, :width]
        # (x / 255 - mean) / std as one product and one sum, in place.
        np.multiply(plane, np.float32(1 / (255 * card.std[channel])), out=out, dtype=np.float32)
        out -= np.float32(card.mean[channel] / card.std[channel])
    return batch, geometry
