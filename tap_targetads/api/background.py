"""Work that goes on in the background of a run."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def in_background(work: Callable[[], T], name: str) -> Future[T]:
    """Begin with something in a thread of its own.

    The thread is a daemon: those of an executor would keep a run that is stopped from
    ending.

    Args:
        work: What to do.
        name: What the thread is for.

    Returns:
        Its result, or what it raised, when it is there.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - for whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, name=f"tap-targetads-{name}", daemon=True).start()
    return future
