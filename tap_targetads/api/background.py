"""Work in background threads."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class StalledError(Exception):
    """Some work has made no progress for too long."""


def in_background(work: Callable[[], T], name: str) -> Future[T]:
    """Start some work in a thread of its own.

    The thread is a daemon: those of an executor keep a stopped run from ending.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - for whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, name=f"tap-targetads-{name}", daemon=True).start()
    return future


def while_it_moves(
    work: Callable[[Callable[[int], None]], T], *, least: int, seconds: float
) -> T:
    """Do some work as long as it makes progress.

    A socket's timeout counts from byte to byte, so that a server which sends one now
    and then is never late. What is abandoned ends with the process at the latest.

    Args:
        work: Is given a function to report each progress with.
        least: How much progress is enough.
        seconds: In what time; twice that may pass until a lack of it is noticed.

    Raises:
        StalledError: If there is less.
    """
    done, seen = 0, -least

    def progress(amount: int) -> None:
        nonlocal done
        done += amount

    future = in_background(lambda: work(progress), "request")
    while not wait([future], timeout=seconds).done:
        if done - seen < least:
            raise StalledError
        seen = done
    return future.result()
