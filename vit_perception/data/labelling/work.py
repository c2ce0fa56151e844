"""Labelling on all cores, and what every way of sharing the work keeps to: results in the order of the
pictures, and few of them in memory."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any

import cv2
import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.labelling.labeller import Labeller, LabellerSource
from vit_perception.data.labelling.sources import Item

# Pictures in flight, for each worker: enough that a slow one does not leave the others idle.
AHEAD = 4
# A picture that ends so many workers is the reason.
_MOST_DEATHS = 3

# An annotation, or why there is none.
Result = Annotation | str


def payload(item: Item) -> np.ndarray | bytes | str:
    """What a worker gets to read: pixels, the content of a file, or why there is none. Bytes, and not a path:
    the worker may be on another machine."""
    if item.fault:
        return item.fault
    if isinstance(item.picture, np.ndarray):
        return item.picture
    try:
        return item.picture.read_bytes()
    except OSError as error:
        return f"{item.picture} cannot be read: {error.strerror}"


def label_one(labeller: Labeller, content: np.ndarray | bytes | str, real: Annotation | None) -> Result:
    """Label what `payload` gave."""
    if isinstance(content, str):
        return content
    image: Any = content
    if isinstance(content, bytes):
        encoded = np.frombuffer(content, np.uint8)
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB) if len(encoded) else None
        if image is None:
            return "not a picture that OpenCV can read: save it again as JPEG or PNG"
    return labeller(image, real)


def label_here(labeller: Labeller, items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
    """Label in this process."""
    for item in items:
        yield item, label_one(labeller, payload(item), item.real)


def label_on_cores(
    source: LabellerSource, items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Result]]:
    """Label in so many processes. One that is killed is replaced, and its pictures are labelled again.

    Raises:
        RuntimeError: a picture ends every process that labels it.
    """
    deaths: dict[str, int] = {}
    pending: deque[Item] = deque()
    items = iter(items)
    while True:
        try:
            yield from _until_death(source, items, pending, workers)
            return
        except BrokenProcessPool:
            first = pending[0].name
            deaths[first] = deaths.get(first, 0) + 1
            if deaths[first] == _MOST_DEATHS:
                raise RuntimeError(
                    f"the process that labels {first} or a picture after it was ended {_MOST_DEATHS} times: "
                    "it may lack memory; with fewer --workers it needs less"
                ) from None


def _until_death(
    source: LabellerSource, items: Iterator[Item], pending: deque[Item], workers: int
) -> Iterator[tuple[Item, Result]]:
    """Label in one pool of processes; `pending` are the pictures that the last pool had begun."""
    context = multiprocessing.get_context("spawn")
    cores = context.Queue()
    for core in range(workers):
        cores.put(core)
    with ProcessPoolExecutor(workers, context, _start, (source, cores)) as pool:
        futures: deque[Future[Result]] = deque(
            pool.submit(_label, payload(item), item.real) for item in pending
        )
        while True:
            while len(pending) < AHEAD * workers and (item := next(items, None)) is not None:
                pending.append(item)
                futures.append(pool.submit(_label, payload(item), item.real))
            if not pending:
                return
            result = futures.popleft().result()
            yield pending.popleft(), result


_labeller: Labeller


def _start(source: LabellerSource, cores: Any) -> None:
    """Make this process a worker."""
    global _labeller
    threading.Thread(target=end_with_parent, daemon=True).start()
    if any(teacher.contract is None for teacher in source.teachers):
        stay_on_a_core(cores)
    cv2.setNumThreads(1)
    _labeller = source.load()


def stay_on_a_core(cores: Any) -> None:
    """Keep this process on one core, for the suite's engines start a thread for each that it may use.

    Args:
        cores: a queue of numbers, one for each process.
    """
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[cores.get() % len(allowed)]})


def _label(content: np.ndarray | bytes | str, real: Annotation | None) -> Result:
    return label_one(_labeller, content, real)


def end_with_parent() -> None:
    """A killed parent cannot end its processes, and they would wait for pictures for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
