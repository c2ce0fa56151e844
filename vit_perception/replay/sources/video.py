"""A video file's frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from vit_perception.replay.cdr import IMAGE, serialize_bgr
from vit_perception.replay.sources import FRAME_ID, Frame, SourceError

if TYPE_CHECKING:
    from vit_perception.replay.sources.beside import Found


class VideoSource:
    """Every frame of a video that OpenCV can decode.

    Raises:
        SourceError: it cannot be decoded.
    """

    message_type = IMAGE
    beside: Found | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self.description = f"video {path}"
        self.skipped: list[str] = []
        capture = cv2.VideoCapture(str(path))
        readable = capture.isOpened() and capture.grab()
        # Of a container without a length, OpenCV reports a negative one.
        self._length = max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        capture.release()
        if not readable:
            raise SourceError(
                f"{path} cannot be decoded as a video: convert it to H.264 in .mp4 and try again"
            )

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Frame]:
        capture = cv2.VideoCapture(str(self._path))
        try:
            index = 0
            while True:
                found, image = capture.read()
                if not found:
                    return
                index += 1
                yield Frame(f"{self._path.stem}_{index:06d}", serialize_bgr(image, FRAME_ID))
        finally:
            capture.release()
