"""How the processes that read pictures for training begin and end."""

from __future__ import annotations

import multiprocessing.util
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader

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


def start_loading(loader: DataLoader[Any]) -> Iterator[Any]:
    """Iterate over a DataLoader without the signal handler that it leaves behind for good.

    It is called for every process that ends, also those of others. Beside the libraries that publish a model,
    that has crashed this process. A worker that dies is found without it, a few seconds later.
    """
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGCHLD)
    iterator = iter(loader)
    if main and before is not None:
        signal.signal(signal.SIGCHLD, before)
    return iterator
