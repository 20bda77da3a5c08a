"""Bytes that are no UTF-8: they become U+FFFD, and are counted (decision 11)."""

from __future__ import annotations

import codecs
import threading


class _Replaced(threading.local):
    """Counts the bytes, or runs of them, that a thread's decoder replaced."""

    count = 0

    def __call__(self, error: UnicodeError) -> tuple[str, int]:
        """Replace what cannot be decoded."""
        self.count += 1
        return codecs.replace_errors(error)  # type: ignore[return-value]

    def take(self) -> int:
        """The count since the last time."""
        count, self.count = self.count, 0
        return count


replaced = _Replaced()
REPLACE = "tap_targetads.replace"
"""The name of the error handler, for `bytes.decode`."""
codecs.register_error(REPLACE, replaced)
