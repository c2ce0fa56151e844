"""Labelling on the machines of a Ray cluster. Ray is an extra, and imported only here."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.labelling.labeller import Labeller, LabellerSource
from vit_perception.data.labelling.sources import Item
from vit_perception.data.labelling.work import AHEAD, Result, label_one, payload

LOCAL = "local"


def label_on_ray(
    source: LabellerSource, items: Iterable[Item], address: str, workers: int | None
) -> Iterator[tuple[Item, Result]]:
    """Label by actors, one a core. An actor that is lost is replaced, and its pictures are labelled again.

    Args:
        source: of the labeller. Teachers from files are sent to the actors; a model of the suite must be
            installed on every machine.
        items: read here, and sent to the actors.
        address: of the cluster, such as `ray://HOST:10001` or `auto`; `local` starts one on this machine.
        workers: how many actors; None: one for each core of the cluster.

    Raises:
        RuntimeError: Ray is not installed, or the cluster cannot be reached.
    """
    ray = _ray()
    try:
        ray.init(
            None if address == LOCAL else address,
            **({"num_cpus": workers, "include_dashboard": False} if address == LOCAL else {}),
            log_to_driver=False,
        )
    except (ConnectionError, ValueError) as error:
        raise RuntimeError(f"there is no Ray cluster at {address}: {error}") from error
    try:
        count = workers or int(ray.cluster_resources().get("CPU", 1))
        shared = ray.put((source, _contents(source)))
        actor = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=-1)(_Worker)
        yield from _share(ray, [actor.remote() for _ in range(count)], [shared], items)
    finally:
        ray.shutdown()


def _share(
    ray: Any, actors: list[Any], shared: list[Any], items: Iterable[Item]
) -> Iterator[tuple[Item, Result]]:
    """Give each picture to an actor that is free; results come in the order of the pictures."""
    items = iter(items)
    order: deque[tuple[Item, Any]] = deque()
    busy: dict[Any, int] = {}
    # Two each: one that is being labelled, and one that is there when it is finished.
    free = deque(2 * list(range(len(actors))))
    while True:
        while free and len(order) < AHEAD * len(actors) and (item := next(items, None)) is not None:
            actor = free.popleft()
            task = actors[actor].label.remote(shared, payload(item), item.real)
            busy[task] = actor
            order.append((item, task))
        if not order:
            return
        finished, _ = ray.wait(list(busy), num_returns=1) if busy else ([], [])
        free.extend(busy.pop(task) for task in finished)
        while order and order[0][1] not in busy:
            item, task = order.popleft()
            yield item, ray.get(task)


class _Worker:
    """An actor. It makes its labeller when the first picture comes: an actor that is started again would lose
    arguments of its constructor with the machine that kept them."""

    def __init__(self) -> None:
        self._labeller: Labeller | None = None

    def label(self, shared: list[Any], content: np.ndarray | bytes | str, real: Annotation | None) -> Result:
        """Label one picture.

        Args:
            shared: a reference to what `label_on_ray` put into the cluster, in a list: Ray would replace one
                that is an argument itself by its value, at every call.
            content: from `payload`.
            real: labels that it comes with.
        """
        if self._labeller is None:
            self._labeller = _load(*_ray().get(shared[0]))
        return label_one(self._labeller, content, real)


def _load(source: LabellerSource, contents: dict[str, bytes]) -> Labeller:
    """A labeller on this machine, which need not have the files of the teachers."""
    with tempfile.TemporaryDirectory() as folder:
        teachers = []
        for teacher in source.teachers:
            if content := contents.get(str(teacher.path)):
                path = Path(folder) / teacher.path.name
                path.write_bytes(content)
                teacher = replace(teacher, path=path)
            teachers.append(teacher)
        return replace(source, teachers=tuple(teachers)).load()


def _contents(source: LabellerSource) -> dict[str, bytes]:
    """The files of the teachers that are files, by path."""
    return {str(each.path): each.path.read_bytes() for each in source.teachers if each.contract is not None}


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise RuntimeError(
            "--ray needs Ray, in an environment: .venv/bin/pip install -r requirements/ray.txt"
        ) from error
    return ray
