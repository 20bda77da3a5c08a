"""Memory for the bodies of answers, used again and again."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


Body = bytes | memoryview
"""All bytes of an answer."""


class Bodies:
    """Puts bodies together, each in memory that no other body needs any more.

    Tens of megabytes that are taken from the system anew, and given back, for every
    page cost a tenth of all time.
    """

    def __init__(self) -> None:
        self._buffers: list[bytearray] = []
        self._lock = Lock()

    def join(self, pieces: Iterable[bytes]) -> memoryview:
        """Put a body together.

        Args:
            pieces: Its pieces, as they arrive.

        Returns:
            The body. Its memory is used again once nothing refers to it any more,
            directly or through parts of it.
        """
        buffer = self._unused()
        length = 0
        try:
            for piece in pieces:
                buffer[length : length + len(piece)] = piece
                length += len(piece)
            return memoryview(buffer)[:length].toreadonly()
        finally:
            with self._lock:
                self._buffers.append(buffer)

    def _unused(self) -> bytearray:
        """Take the largest buffer that nobody looks at.

        The others go: each would grow to the size of the largest body in its turn.
        """
        free: list[bytearray] = []
        viewed: list[bytearray] = []
        with self._lock:
            for buffer in self._buffers:
                (viewed if _is_viewed(buffer) else free).append(buffer)
            self._buffers = viewed
        return max(free, key=len, default=bytearray())


def _is_viewed(buffer: bytearray) -> bool:
    """Whether there are views of a buffer: while there are, it cannot be resized."""
    try:
        buffer.append(0)
    except BufferError:
        return True
    buffer.pop()
    return False
