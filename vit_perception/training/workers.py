"""How the processes that read pictures for training begin and end."""

from __future__ import annotations

import multiprocessing.util
import os

import cv2
import torch

# Below all that multiprocessing itself does when a process ends.
_LAST = -1000


def start_worker(worker: int) -> None:
    """Give a worker of a DataLoader one thread, as the workers are the parallelism, and a quick end.

    It ends without the libraries' clean-up, in which one of their threads sometimes aborts the process, which
    the DataLoader takes for a fault.
    """
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    multiprocessing.util.Finalize(None, os._exit, args=(0,), exitpriority=_LAST)
