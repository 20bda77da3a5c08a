"""A cache that forgets what was not used for the longest time."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class LruCache(Generic[T]):
    """Keeps results, as long as their weights together stay under a limit.

    Args:
        limit: The greatest sum of weights. A single result may weigh more: it is kept
            until the next one comes.
        weigh: The weight of a result.
    """

    def __init__(self, limit: int, weigh: Callable[[T], int]) -> None:
        """Create an empty cache."""
        self._limit = limit
        self._weigh = weigh
        self._results: OrderedDict[Hashable, tuple[int, T]] = OrderedDict()
        self._weight = 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result for a key; made now, if it is not known."""
        known = self._results.get(key)
        if known is not None:
            self._results.move_to_end(key)
            return known[1]
        result = make()
        weight = self._weigh(result)
        self._results[key] = weight, result
        self._weight += weight
        while self._weight > self._limit and len(self._results) > 1:
            _, (freed, _) = self._results.popitem(last=False)
            self._weight -= freed
        return result
