"""Sizes of requests that adapt to what the API can do."""

from __future__ import annotations

_SUCCESSES = 5


class AdaptiveSize:
    """A size that shrinks when it proves too large, and grows again slowly.

    It grows after some successes in a row, twice as many each time that growing has
    proved too bold.

    Args:
        largest: The size to begin with, and to return to.
        smallest: The least size, or `largest` if that is less.
        factor: What a size is divided by, and multiplied by.
    """

    def __init__(self, largest: int, smallest: int = 1, factor: int = 2) -> None:
        """Begin with the largest size."""
        self.value = largest
        self._largest = largest
        self._smallest = min(smallest, largest)
        self._factor = factor
        self._needed = _SUCCESSES
        self._successes = 0
        self._has_grown = False

    def shrink(self, tried: int, *, at_once: bool = False) -> bool:
        """Note that a size was too large.

        Args:
            tried: The size that was tried, which may be less than was allowed.
            at_once: Go on with the smallest size.

        Returns:
            Whether there is a smaller one to try.
        """
        if tried <= self._smallest:
            return False
        if self._has_grown:
            self._needed *= 2
            self._has_grown = False
        smaller = self._smallest if at_once else -(-tried // self._factor)
        self.value = max(self._smallest, smaller)
        self._successes = 0
        return True

    def succeeded(self) -> None:
        """Note a success; after enough of them, a larger size is allowed."""
        self._successes += 1
        if self._successes >= self._needed and self.value < self._largest:
            self.value = min(self._largest, self.value * self._factor)
            self._successes = 0
            self._has_grown = True

    @property
    def is_smallest(self) -> bool:
        """Whether there is no smaller one."""
        return self.value <= self._smallest
