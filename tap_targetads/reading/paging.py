"""Reads the pages of a report by offset, and detects rows that move between pages.

API reference: v1 reports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_targetads.errors import ApiError
from tap_targetads.reading.paginator import (
    OVERLAP,
    PageRequest,
    PagingError,
    ReportPaginator,
)
from tap_targetads.reading.splitter import SplitError, Step

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from tap_targetads.reading.splitter import Splitter
    from tap_targetads.reports.days import Window
    from tap_targetads.reports.kinds import Report
    from tap_targetads.rows.json_pages import Page

PROBE_OFFSET = 1_000_000_000
"""An offset beyond all data: a server that honours offsets has no rows there."""


class RowsMovedError(Exception):
    """Rows came or went between two pages: some would be missed or duplicated."""


@dataclass(slots=True, kw_only=True)
class Paging:
    """Reads all rows of one request, page by page.

    Attributes:
        report: The report, or one of several that together have the window's rows.
        begun: Whether rows of the window have been delivered.
        fetch: Fetches a page; the second argument says whether the request can be
            reduced if it fails.
        expect: Called before each page, with the total of rows if it is known.
        has_keys: Whether records have a primary key, so that reading rows again
            replaces them.
        delivered: How many rows of the request have been delivered.
        total: The number of all rows, if the server counts them.
        offset_counts: Whether the server is known to honour `Offset`.
    """

    window: Window
    report: Report
    begun: bool
    fetch: Callable[[PageRequest, bool], Page]
    expect: Callable[[PageRequest, int | None], None]
    splitter: Splitter
    has_keys: bool
    logger: logging.Logger
    subject: str
    paginator: ReportPaginator = field(default_factory=ReportPaginator)
    delivered: int = 0
    total: int | None = None
    offset_counts: bool = False

    def pages(self) -> Iterator[Page]:
        """Read all pages: at least one, of rows that have not been delivered yet.

        Raises:
            SplitError: Before the first page, if the window must be split.
            RowsMovedError: If rows moved; before the page that would be wrong.
            PagingError: If the pages contradict each other.
            MalformedAnswerError: If a row is not an object.
            ApiError: If the API refuses.
        """
        first: list[bytes] = []
        last: list[bytes] = []
        finished = False
        while not finished:
            page = self._next()
            finished = self.paginator.finished
            if not self.begun and not finished:
                self.splitter.check_fits(self.window)
            overlap, on_page = self.paginator.request.overlap, len(page.rows)
            if self.delivered:
                self._check_continues(page, first, last[len(last) - overlap :])
                page.rows = page.rows[overlap:]
            else:
                self.total = _total(page)
            if not finished:
                first = first or page.lines(page.rows[:OVERLAP])
                # The next page overlaps by this many rows, or fewer.
                kept = max(1, PageRequest.after(OVERLAP, on_page).overlap)
                last += page.lines(page.rows[-kept:])
                del last[:-kept]
            self.delivered += len(page.rows)
            self.begun = True
            if finished:
                self._check_count(page.count, on_page)
            yield page
            del page  # before the next one: two would double the memory

    def _next(self) -> Page:
        """Fetch the next page, with fewer rows if necessary."""
        while True:
            request = self.paginator.next_request(self.splitter.page_size.value)
            step = self.splitter.step(
                self.window,
                self.report,
                window_begun=self.begun,
                report_begun=self.delivered > 0,
            )
            self.expect(request, self.total)
            try:
                page = self.fetch(request, step is not None)
            except ApiError as error:
                self.splitter.ask_for_less(step, self.window, error)
                if step is not Step.ROWS:
                    raise SplitError from error
                continue
            if not self.paginator.brings_nothing(page):
                self.paginator.advance(page)  # type: ignore[arg-type] # see there
                self.splitter.page_size.succeeded()
                return page

    def _check_continues(
        self, page: Page, first: Sequence[bytes], last: Sequence[bytes]
    ) -> None:
        """Check that a page begins with the rows that were delivered last."""
        problem = ""
        head = page.lines(page.rows[: len(last)])
        # Their order does not matter: none is missed or duplicated.
        others = sorted(head) != sorted(last)
        # Most pages already differ from the first in `head`, so that no more rows need
        # encoding. Pages of one row do not overlap, and prove nothing.
        looks_first = head == first[: len(head)] and (
            not head or page.lines(page.rows[: len(first)]) == first
        )
        if looks_first and not self.offset_counts:
            self._check_offset_counts()
        if others:
            problem = "rows came or went while they were read page by page"
        elif self.total is not None and page.count != self.total:
            problem = f"the API counted {self.total} rows at first, then {page.count}"
        if problem and self.has_keys:
            raise RowsMovedError(problem)
        if problem:
            self.logger.warning(
                "%s: %s. Without a row key they cannot be read again: some may be "
                "missing, or there twice.",
                self.subject,
                problem,
            )

    def _check_offset_counts(self) -> None:
        """Check that the server honours `Offset`.

        A page that begins like the first one may have equal rows, or be the first one
        again. Only a server that ignores the offset has rows beyond all data.
        """
        if self.fetch(PageRequest(PROBE_OFFSET, 1), False).rows:  # noqa: FBT003
            message = "the API ignores `Offset` and sends the same page again"
            raise PagingError(message)
        self.offset_counts = True

    def _check_count(self, counted: int | None, on_page: int) -> None:
        if counted not in {None, on_page, self.delivered}:
            self.logger.warning(
                "%s: the API counted %s rows, but delivered %d.",
                self.subject,
                counted,
                self.delivered,
            )


def _total(page: Page) -> int | None:
    """The number of all rows, if the server counts them."""
    more = page.count is not None and page.count > len(page.rows)
    return page.count if more else None
