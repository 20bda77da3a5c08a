"""Work in background threads."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


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
