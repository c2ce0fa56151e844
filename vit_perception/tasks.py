"""The task names, which name the file, the parameter, the topic and the test in every layer."""

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
    """Return `tasks` in canonical order without repeats.

    Raises:
        ValueError: a name is not a task, or none is given; the message names it and lists those there are.
    """
    # A text is an iterable of letters: "detection" would complain about an unknown task "d".
    names = (tasks,) if isinstance(tasks, str) else tuple(tasks)
    unknown = [name for name in names if name not in TASKS]
    if unknown:
        raise ValueError(f"unknown task {unknown[0]!r}: choose from {', '.join(TASKS)}")
    if not names:
        raise ValueError(f"no task given: choose from {', '.join(TASKS)}")
    return tuple(task for task in TASKS if task in names)
