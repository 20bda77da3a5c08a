"""Asks for less where the API fails: fewer days, then rows, then campaigns."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from tap_targetads.plurals import count_of
from tap_targetads.reports.days import tile

if TYPE_CHECKING:
    import logging
    from collections import deque

    from tap_targetads.errors import ApiError
    from tap_targetads.reports.days import Window
    from tap_targetads.reports.kinds import Report

SMALLEST_PAGE = 1_000
"""Rows of a page that is not made smaller, however often it fails."""

_SUCCESSES = 5


class Step(Enum):
    """What can be made smaller next."""

    DAYS = "days"
    ROWS = "rows"
    CAMPAIGNS = "campaigns"


class SplitError(Exception):
    """A window is read again in smaller requests. Nothing of it was delivered."""


class Splitter:
    """Decides how much of a report is asked for at once.

    What proves too much is asked for in smaller requests: first fewer days, then fewer
    rows, then fewer campaigns, wherever that loses no rows. What works is remembered
    for later windows, and grows again slowly.

    Args:
        report: What is read.
        logger: Where it is reported that less is asked for.
        page_size: Rows per page; None where there are no pages.
        days_in_one_page: Whether a window of several days must fit into one page.
            Equal rows are told apart within a window, which takes memory for all of
            its rows.

    Attributes:
        days: The most days of a request.
        page_size: The most rows of a page.
        requests: The report, or several that together hold the same rows.
    """

    def __init__(
        self,
        report: Report,
        logger: logging.Logger,
        *,
        page_size: int | None = None,
        days_in_one_page: bool = False,
    ) -> None:
        self._report = report
        self._logger = logger
        self._days_in_one_page = days_in_one_page
        self.days = AdaptiveSize(report.window_days)
        self.page_size = AdaptiveSize(page_size or 1, SMALLEST_PAGE, factor=4)
        self.requests = report.requests()

    def begin_project(self) -> None:
        """Forget how many days worked: another project has other amounts of rows."""
        self.days = AdaptiveSize(self._report.window_days)

    def windows_of(self, window: Window) -> list[Window]:
        """The windows that are asked for one by one: of as many days as may be."""
        if not self._has_days(window):
            return [window]
        return list(tile(window.start, window.end, self.days.value))

    def next_window(self, pending: deque[Window]) -> Window:
        """Take the next window, or as many of its days as may be asked for at once.

        Args:
            pending: The windows; the rest of the first one stays there.
        """
        first, *rest = self.windows_of(pending.popleft())
        pending.extendleft(reversed(rest))
        return first

    def step(
        self,
        window: Window,
        report: Report | None = None,
        *,
        window_begun: bool = False,
        report_begun: bool = False,
    ) -> Step | None:
        """What can be made smaller of a request.

        Args:
            window: The days that it asks for.
            report: Which of `requests` it is for; all of them, if None.
            window_begun: Whether rows of the window have been delivered.
            report_begun: Whether rows of this report have been delivered.
        """
        if not window_begun and self._has_days(window):
            return Step.DAYS
        if not self.page_size.is_smallest:
            return Step.ROWS
        reports = [report] if report else self.requests
        if not report_begun and any(r.by_campaigns() for r in reports):
            return Step.CAMPAIGNS
        return None

    def ask_for_less(self, step: Step | None, window: Window, error: ApiError) -> None:
        """Make requests smaller from now on.

        Args:
            step: What can be made smaller.
            window: The days that could not be read.
            error: Why.

        Raises:
            ApiError: The error, if smaller requests would not help.
        """
        if step is None or not error.too_much:
            raise error
        match step:
            case Step.DAYS:
                # A longer window may have been asked for before others were split.
                if window.days <= self.days.value:
                    self.days.shrink(window.days)
                less = count_of(self.days.value, "day")
            case Step.ROWS:
                self.page_size.shrink(self.page_size.value)
                less = count_of(self.page_size.value, "row")
            case Step.CAMPAIGNS:
                self.requests = [
                    batch
                    for report in self.requests
                    for batch in report.by_campaigns() or [report]
                ]
                less = "fewer campaigns"
        self._logger.warning("%s Asking for %s at a time.", error.problem, less)

    def must_fit(self, window: Window) -> bool:
        """Whether a window is read a day at a time if it does not fit into one page."""
        return self._days_in_one_page and window.days > 1

    def check_fits(self, window: Window) -> None:
        """Note that a window does not fit into one page.

        Raises:
            SplitError: If it must.
        """
        if self.must_fit(window):
            self.days.shrink(window.days, at_once=True)
            raise SplitError

    def _has_days(self, window: Window) -> bool:
        return window.days > 1 and self._report.is_divisible


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
