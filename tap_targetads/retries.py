"""Failures that may pass, and how long to wait for that."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import backoff
from singer_sdk.exceptions import RetriableAPIError

if TYPE_CHECKING:
    from collections.abc import Generator

RATE_LIMIT_WAIT = 60.0
"""Seconds to wait after a 429 without Retry-After (API reference: errors)."""

LONGEST_RETRY_AFTER = 3600.0
"""Upper bound, in seconds, of what a server can ask to wait."""

LONGEST_WAIT = 300.0
"""Upper bound, in seconds, of the exponential waits."""


class PassingFailureError(RetriableAPIError):
    """A failure that may pass: the request is sent again.

    Args:
        message: What happened.
        wait: Seconds to wait before the next try; None for an exponential wait.
        status: HTTP status or error code, if there was an answer.
    """

    def __init__(
        self, message: str, *, wait: float | None = None, status: int | None = None
    ) -> None:
        """Create the error with its waiting time."""
        super().__init__(message)
        self.wait = wait
        self.status = status


def retry_waits() -> Generator[float, Exception, None]:
    """Waiting times in seconds: what the server asks for, else exponential.

    Yields:
        The wait before the next try, after being sent the failure of the last one.
        Exponential waits have full jitter, so that clients do not return together.
    """
    exponential = backoff.expo(max_value=LONGEST_WAIT)
    next(exponential)
    failure = yield 0
    while True:
        longest = next(exponential)
        wait = getattr(failure, "wait", None)
        failure = yield backoff.full_jitter(longest) if wait is None else wait


def retry_after(header: str | None) -> float:
    """Seconds that a Retry-After header asks for: a number, or an HTTP date."""
    if header is None:
        return RATE_LIMIT_WAIT
    if (number := header.strip()).isdecimal():
        return min(float(number), LONGEST_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(header)
    except (OverflowError, ValueError):
        return RATE_LIMIT_WAIT
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    seconds = (until - datetime.now(timezone.utc)).total_seconds()
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)
