"""A cache that drops the least recently used results."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class LruCache(Generic[T]):
    """Keeps results while the sum of their weights stays below a limit.

    It is thread-safe: a thread waits for a result that another one is computing, but
    not for other results.

    Args:
        limit: The largest sum of weights. A single result may weigh more: it is kept
            until the next one.
        weigh: The weight of a result: roughly its size in bytes.
    """

    def __init__(self, limit: int, weigh: Callable[[T], int]) -> None:
        self._limit = limit
        self._weigh = weigh
        self._results: OrderedDict[Hashable, tuple[int, T]] = OrderedDict()
        self._making: dict[Hashable, Future[T]] = {}
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result for a key; computed now if it is not cached."""
        with self._lock:
            known = self._results.get(key)
            if known is not None:
                self._results.move_to_end(key)
                return known[1]
            others = self._making.get(key)
            if others is None:
                mine = self._making[key] = Future[T]()
        return self._make(key, make, mine) if others is None else others.result()

    def _make(self, key: Hashable, make: Callable[[], T], promise: Future[T]) -> T:
        try:
            result = make()
            weight = self._weigh(result)
        except BaseException as error:
            with self._lock:
                del self._making[key]
            promise.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._keep(key, weight, result)
        promise.set_result(result)
        return result

    def _keep(self, key: Hashable, weight: int, result: T) -> None:
        self._results[key] = weight, result
        self._weight += weight
        while self._weight > self._limit and len(self._results) > 1:
            _, (freed, _) = self._results.popitem(last=False)
            self._weight -= freed
