"""The progress line of a finished window."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection

    from tap_targetads.windows import Window


class Progress:
    """Tells, after each window, what has arrived and how long the rest will take.

    Args:
        logger: Where the lines go: stderr, never stdout.
        subject: What is read: stream and project.
        clock: Seconds; tests pass their own.
    """

    def __init__(
        self,
        logger: logging.Logger,
        subject: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock."""
        self._logger = logger
        self._subject = subject
        self._clock = clock
        self._begin = clock()
        self._windows = 0
        self._days = 0
        self._rows = 0

    def finished(self, window: Window, rows: int, left: Collection[Window]) -> None:
        """Log a line.

        Args:
            window: The window that is done.
            rows: Its rows.
            left: The windows that are still to be read.
        """
        self._windows += 1
        self._days += window.days
        self._rows += rows
        elapsed = max(self._clock() - self._begin, 1e-9)
        days_left = sum(later.days for later in left)
        self._logger.info(
            "%s, %s: %d rows; window %d of %d, %d rows/s, %s left",
            self._subject,
            window,
            rows,
            self._windows,
            self._windows + len(left),
            self._rows / elapsed,
            timedelta(seconds=round(elapsed / self._days * days_left)),
        )
