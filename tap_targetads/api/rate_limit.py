"""How fast requests may follow each other, for all threads together."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MINUTE = 60.0


class RateLimit:
    """Throttles requests: so many a minute, and none while the API asks for a pause.

    Args:
        per_minute: How many requests in any minute; None for no limit.
        clock: Seconds.
        sleep: Waits; replaced where nobody should wait.
    """

    def __init__(
        self,
        per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._last: deque[float] | None = None
        if per_minute is not None:
            self._last = deque([-_MINUTE] * per_minute, maxlen=per_minute)
        self._resume = 0.0

    def wait(self) -> None:
        """Wait until the next request may be sent."""
        with self._lock:
            now = self._clock()
            begin = max(now, self._resume)
            if self._last is not None:
                # Its slot is reserved at once, so that threads line up.
                begin = max(begin, self._last[0] + _MINUTE)
                self._last.append(begin)
        if begin > now:
            self._sleep(begin - now)
            # Meanwhile, another thread may have been asked for a pause.
            if (rest := self._resume - max(begin, self._clock())) > 0:
                self._sleep(rest)

    def pause(self, seconds: float) -> None:
        """Hold back the requests of all threads for a while."""
        with self._lock:
            self._resume = max(self._resume, self._clock() + seconds)
