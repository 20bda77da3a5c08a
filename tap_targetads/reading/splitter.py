"""Falls back to smaller requests: fewer days, then fewer rows, then fewer campaigns."""

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
"""Pages of this many rows are not made smaller, however often they fail."""

_SUCCESSES = 5


class Step(Enum):
    """What can be reduced next."""

    DAYS = "days"
    ROWS = "rows"
    CAMPAIGNS = "campaigns"


class SplitError(Exception):
    """The window is read again in smaller requests. None of it was delivered."""


class Splitter:
    """Decides how much of a report to request at once.

    A request that proves too large is reduced: first to fewer days, then to fewer rows,
    then to fewer campaigns, each only where that loses no rows. The size that works is
    kept for later windows, and slowly grows again.

    Args:
        report: What is read.
        logger: Logger for reductions.
        page_size: Rows per page; None for jobs, which have no pages.
        days_in_one_page: Whether a window of several days must fit into one page:
            telling equal rows of a window apart takes memory for all of its rows.

    Attributes:
        days: Most days of a request.
        page_size: Most rows of a page.
        requests: The report, or several that together have the same rows.
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
        """Reset the days: another project has other amounts of data."""
        self.days = AdaptiveSize(self._report.window_days)

    def windows_of(self, window: Window) -> list[Window]:
        """Split a window into those that may be requested at once."""
        if not self._has_days(window):
            return [window]
        return list(tile(window.start, window.end, self.days.value))

    def next_window(self, pending: deque[Window]) -> Window:
        """Take the next window, or as many of its days as may be requested."""
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
        """What can be reduced in a request.

        Args:
            window: Its days.
            report: Which of `requests` it is for; all of them if None.
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
        """Make requests smaller from now on, since this window could not be read.

        Raises:
            ApiError: The error, if smaller requests would not help.
        """
        if step is None or not error.too_much:
            raise error
        match step:
            case Step.DAYS:
                # Jobs of a longer window may have been created before the size shrank.
                if window.days <= self.days.value:
                    self.days.shrink(window.days)
                if error.rejection:  # by a rule, which will not change
                    self.days = AdaptiveSize(self.days.value)
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
        """Whether a window that does not fit into one page is read day by day."""
        return self._days_in_one_page and window.days > 1

    def check_fits(self, window: Window) -> None:
        """Raise SplitError if the window must fit into one page."""
        if self.must_fit(window):
            self.days.shrink(window.days, at_once=True)
            raise SplitError

    def _has_days(self, window: Window) -> bool:
        return window.days > 1 and self._report.is_divisible


class AdaptiveSize:
    """A size that shrinks when it proves too large, and slowly grows again.

    It starts at `largest`, stays above `smallest`, and changes by `factor`. It grows
    after several successes in a row; each time that growing fails, twice as many are
    needed.
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
        """Note that a size, perhaps less than the current one, was too large.

        Returns:
            Whether there is a smaller size.
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
        """Note a success; after enough of them, grow."""
        self._successes += 1
        if self._successes >= self._needed and self.value < self._largest:
            self.value = min(self._largest, self.value * self._factor)
            self._successes = 0
            self._has_grown = True

    @property
    def is_smallest(self) -> bool:
        """Whether it cannot shrink any more."""
        return self.value <= self._smallest
