"""The processes of this program's browser: their memory, and how they are slowed down."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil


def renderers() -> list[psutil.Process]:
    """The processes of the pages of this program's browser."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "--type=renderer" in child.cmdline()]


def megabytes() -> float:
    """What these processes hold for themselves alone."""
    return sum(page.memory_full_info().uss for page in renderers()) / 1e6


@contextmanager
def slowed(factor: int, slice: float = 0.004) -> Iterator[None]:
    """The processes of this program's pages, with all their threads, so many times slower.

    They are stopped for most of the time. The browser's own way slows down no workers.
    """
    over = threading.Event()

    def stop_and_go() -> None:
        pages, seen, ran = [], 0.0, slice
        while not over.is_set():
            if time.monotonic() - seen > 0.1:  # a navigation may bring a new process
                pages, seen = renderers(), time.monotonic()
            signal_all(pages, signal.SIGSTOP)
            time.sleep(ran * (factor - 1))  # as long as the last turn really took
            began = time.monotonic()
            signal_all(pages, signal.SIGCONT)
            time.sleep(slice)
            ran = time.monotonic() - began

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    yield
    over.set()
    thread.join()


def signal_all(pages: list[psutil.Process], which: signal.Signals) -> None:
    for page in pages:
        with suppress(psutil.NoSuchProcess):
            page.send_signal(which)
