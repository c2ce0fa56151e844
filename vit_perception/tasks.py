"""The task names. Files, parameters, topics and tests of a task have its name in every part."""

from __future__ import annotations

from collections.abc import Iterable

CLASSIFICATION = "classification"
DETECTION = "detection"
SEGMENTATION = "segmentation"
NAVIGATION = "navigation"
DEPTH = "depth"
ATTENTION = "attention"

TASKS = (CLASSIFICATION, DETECTION, SEGMENTATION, NAVIGATION, DEPTH, ATTENTION)


def check_tasks(tasks: Iterable[str]) -> tuple[str, ...]:
    """Return `tasks` in the order of TASKS, without repeats.

    Raises:
        ValueError: a name is not a task, or none is given; the message names it and lists all tasks.
    """
    # A string is an iterable of letters: "detection" would be refused for an unknown task "d".
    names = (tasks,) if isinstance(tasks, str) else tuple(tasks)
    unknown = [name for name in names if name not in TASKS]
    if unknown:
        raise ValueError(f"unknown task {unknown[0]!r}: choose from {', '.join(TASKS)}")
    if not names:
        raise ValueError(f"no task given: choose from {', '.join(TASKS)}")
    return tuple(task for task in TASKS if task in names)
