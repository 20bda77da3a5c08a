"""Retries: which failures may pass, how long to wait, when to give up."""

from __future__ import annotations

import logging
import math
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

import backoff
from singer_sdk.exceptions import RetriableAPIError

from tap_targetads.errors import ApiError
from tap_targetads.plurals import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from backoff.types import Details

T = TypeVar("T")

RATE_LIMIT_WAIT = 60.0
"""Seconds to wait after a 429 without Retry-After (API reference: errors)."""

LONGEST_RETRY_AFTER = 3600.0
"""Upper bound, in seconds, of what a server can ask to wait."""

TRIES_BEFORE_SPLIT = 3
"""Tries of a request that can be split, where asking for less may help."""

LONGEST_WAIT = 300.0
"""Upper bound, in seconds, of the exponential waits."""

UNREACHED_TIMEOUT = 60.0
"""Seconds after which a host that has never answered is not tried again."""

_LONGEST_UNREACHED_WAIT = 20.0


class PassingFailureError(RetriableAPIError):
    """A failure that may pass: the request is retried.

    Args:
        message: What happened.
        wait: Seconds to wait before the next try; None for an exponential wait.
        status: HTTP status or error code, if there was an answer.
        too_much: Whether asking for less may help.
        unreached: Whether the host has never answered.
    """

    def __init__(
        self,
        message: str,
        *,
        wait: float | None = None,
        status: int | None = None,
        too_much: bool = False,
        unreached: bool = False,
    ) -> None:
        super().__init__(message)
        self.wait = wait
        self.status = status
        self.too_much = too_much
        self.unreached = unreached
        self.tries = 1

    @property
    def given_up(self) -> str:
        """What happened, and after how many tries nobody tried again."""
        return f"{self} Gave up after {count_of(self.tries, 'try', 'tries')}."


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
        if getattr(failure, "unreached", False):
            longest = min(longest, _LONGEST_UNREACHED_WAIT)
        wait = getattr(failure, "wait", None)
        # A server whose clock is behind may ask for no wait at all.
        failure = yield max(backoff.full_jitter(longest), wait or 0)


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
        until = until.replace(tzinfo=UTC)
    seconds = (until - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def gave_up(subject: str, failure: PassingFailureError) -> ApiError:
    """The error after the last try.

    Args:
        subject: What was being read.
        failure: What happened then.
    """
    problem = f"{subject}: {failure.given_up}"
    return ApiError(
        f"{problem} Everything before it was delivered: run the tap again to resume.",
        failure.status,
        too_much=failure.too_much,
        problem=problem,
    )


class Retries:
    """Retries something until it succeeds, or gives up.

    What all requests share is whether anything has succeeded since the first failure:
    the time for all tries counts from there, over smaller requests too; and once a
    request was given up, the next ones are tried once.

    Args:
        most: How often something is retried.
        timeout: Seconds that all tries may take together; None for no limit.
        waits: Makes the generator of waiting times.
        clock: Seconds.
    """

    def __init__(
        self,
        most: int,
        timeout: float | None = None,
        waits: Callable[[], Generator[float, Exception, None]] = retry_waits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._timeout = math.inf if timeout is None else timeout
        self._waits = waits
        self._clock = clock
        self._failing_since: float | None = None
        self._gave_up = False

    def run(
        self, attempt: Callable[[], T], subject: str, *, splittable: bool = False
    ) -> T:
        """Try until it succeeds, or fails for good.

        Args:
            attempt: What is tried.
            subject: What is being read, as log lines name it.
            splittable: Whether less can be asked for instead: then fewer tries are
                made where that may help.

        Raises:
            PassingFailureError: The last failure, if all tries have failed.
        """
        tries = 0
        most = 1 if self._gave_up else self._most + 1
        before_split = TRIES_BEFORE_SPLIT if self._failing_since is None else 1

        def counted() -> T:
            nonlocal tries
            tries += 1
            began = self._clock()
            try:
                result = attempt()
            except PassingFailureError as failure:
                failure.tries = tries
                if self._failing_since is None:
                    self._failing_since = began
                raise
            except ApiError:
                self._recovered()
                raise
            self._recovered()
            return result

        def hopeless(failure: Exception) -> bool:
            unreached = getattr(failure, "unreached", False)
            # Older versions of backoff look at the clock before a try only.
            if self._failing >= (UNREACHED_TIMEOUT if unreached else self._timeout):
                return True
            too_much = getattr(failure, "too_much", False)
            return bool(splittable and too_much and tries >= before_split)

        def log(details: Details) -> None:
            logging.getLogger("tap-targetads").warning(
                "%s: %s Try %d of %d failed, next in %.0f s.",
                subject,
                details.get("exception"),
                details["tries"],
                most,
                details.get("wait", 0),
            )

        again = backoff.on_exception(
            self._waits,
            PassingFailureError,
            max_tries=most,
            max_time=max(0.0, self._timeout - self._failing),
            giveup=hopeless,
            jitter=None,
            on_backoff=log,
            logger=None,
        )
        try:
            return again(counted)()
        except PassingFailureError as failure:
            failure.too_much &= not self._gave_up and self._failing < self._timeout
            self._gave_up = not (splittable and failure.too_much)
            raise

    @property
    def _failing(self) -> float:
        """Seconds since the beginning of the first try that failed."""
        since = self._failing_since
        return 0.0 if since is None else self._clock() - since

    def _recovered(self) -> None:
        self._failing_since, self._gave_up = None, False
