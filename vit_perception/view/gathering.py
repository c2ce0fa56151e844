"""The last messages of one camera, and the newest frame whose results are all there."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import takewhile

# Bytes of images that wait for their results. A result later than these is not shown.
_MOST_BYTES = 64_000_000
# Seconds without a frame that has all layers, after which one goes without some.
_PATIENCE = 2.0
# A topic is not waited for when it has been silent for so many times its last interval, and at least for so
# many seconds.
_MISSED, _SILENT = 3.0, 1.0
# Seconds that rates and ages are taken over.
_WINDOW = 2.0


@dataclass(frozen=True)
class Message:
    """A serialised message.

    Attributes:
        kind: its type, `package/msg/Name`.
        cdr: its bytes.
    """

    kind: str
    cdr: bytes


@dataclass(frozen=True)
class Scene:
    """A frame and the results with the same stamp.

    Attributes:
        camera: prefix of its topics.
        stamp_ns: in nanoseconds.
        image: of sensor_msgs/Image or CompressedImage.
        layers: name → result.
    """

    camera: str
    stamp_ns: int
    image: Message
    layers: Mapping[str, Message]


class Gathering:
    """Any thread may use it. An image's layer is called `image`.

    Args:
        camera: prefix of its topics.
    """

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._lock = threading.Lock()
        self._frames: OrderedDict[int, dict[str, Message]] = OrderedDict()
        self._bytes = 0
        # Layer → (monotonic seconds, age in milliseconds) of what came within the window.
        self._arrivals: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        self._last_whole = time.monotonic()

    def add(self, layer: str, stamp_ns: int, message: Message) -> None:
        """Keep a message; the oldest frames leave."""
        now = time.monotonic()
        with self._lock:
            arrivals = self._arrivals[layer]
            arrivals.append((now, (time.time_ns() - stamp_ns) / 1e6))
            while len(arrivals) > 2 and arrivals[0][0] < now - _WINDOW:
                arrivals.pop(0)
            self._bytes += len(message.cdr)
            self._frames.setdefault(stamp_ns, {})[layer] = message
            while self._bytes > _MOST_BYTES and len(self._frames) > 1:
                _, oldest = self._frames.popitem(last=False)
                self._bytes -= sum(len(each.cdr) for each in oldest.values())

    def newest(self, layers: Collection[str], shown_ns: int) -> Scene | None:
        """The newest frame with all of the layers that answer; None if there is none that came after the one
        with the stamp `shown_ns`.

        A slow node is waited for. Where frames keep missing a layer, since two nodes drop different ones, the
        frame with most of them is given.
        """
        now = time.monotonic()
        with self._lock:
            awaited = {layer for layer in layers if self._is_alive(layer, now)}
            # By arrival, not by stamp: a recording that is played in a loop begins anew.
            unseen = takewhile(lambda each: each[0] != shown_ns, reversed(self._frames.items()))
            later = [(stamp, frame) for stamp, frame in unseen if "image" in frame]
            found = next((each for each in later if awaited <= each[1].keys()), None)
            if found is None and now - self._last_whole > _PATIENCE:
                answered = [each for each in later if awaited & each[1].keys()]
                found = max(answered, key=lambda each: len(each[1]), default=None)
            if found is None:
                return None
            self._last_whole = now
            stamp, frame = found
            given = {layer: frame[layer] for layer in layers if layer in frame}
            return Scene(self._camera, stamp, frame["image"], given)

    def arrivals(self) -> dict[str, dict[str, float]]:
        """Layer → `hz` and `age_ms` of its messages of the last two seconds."""
        now = time.monotonic()
        with self._lock:
            recent = {
                layer: [age for when, age in arrivals if when >= now - _WINDOW]
                for layer, arrivals in self._arrivals.items()
            }
        return {
            layer: {"hz": len(ages) / _WINDOW, "age_ms": sum(ages) / len(ages)}
            for layer, ages in recent.items()
            if ages
        }

    def _is_alive(self, layer: str, now: float) -> bool:
        times = [when for when, _ in self._arrivals.get(layer, ())]
        if not times:
            return False
        interval = times[-1] - times[-2] if len(times) > 1 else 0.0
        return now - times[-1] < max(_SILENT, _MISSED * interval)
