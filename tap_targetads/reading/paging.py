"""Reads the pages of a report by offset, and notices when its rows move meanwhile.

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
"""An offset beyond all data: a server that heeds offsets has no rows there."""


class RowsMovedError(Exception):
    """Rows came or went between two pages, so that some would be missed or doubled."""


@dataclass(slots=True, kw_only=True)
class Paging:
    """Reads all rows of one request, page by page.

    Attributes:
        window: The days that are read.
        report: The report, or one of several that hold the rows of a window together.
        begun: Whether rows of the window have been delivered before.
        fetch: Asks for a page; the second argument tells whether less can be asked for
            if that fails.
        expect: Told before each page which it is, and the number of all rows, if that
            is known.
        splitter: How many rows are asked for at once.
        has_keys: Whether rows that are read again take the place of themselves.
        logger: Where warnings go.
        subject: What is being read, as log lines name it.
        paginator: Where the next page begins.
        delivered: How many rows have been delivered.
        total: The number of all rows, where the server counts them.
        offset_counts: Whether the server has been seen to heed `Offset`.
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
        """Read all pages.

        Yields:
            At least one page, of rows that have not been delivered yet.

        Raises:
            SplitError: Before the first page, if less is to be asked for.
            RowsMovedError: If rows came or went; before the page that would be wrong.
            PagingError: If the pages contradict each other.
            MalformedAnswerError: If something among the rows is no row.
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
                # The next page begins with so many of them, or with fewer.
                kept = max(1, PageRequest.after(OVERLAP, on_page).overlap)
                last += page.lines(page.rows[-kept:])
                del last[:-kept]
            self.delivered += len(page.rows)
            self.begun = True
            if finished:
                self._check_count(page.count, on_page)
            yield page
            # Two pages at once would double the memory.
            del page

    def _next(self) -> Page:
        """The next page; of fewer rows, if need be."""
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
        """Make sure that a page begins with the rows that were delivered last."""
        problem = ""
        head = page.lines(page.rows[: len(last)])
        # Among themselves, they may have another order: none is missed or doubled.
        others = sorted(head) != sorted(last)
        # Most pages differ from the first one in what has been encoded already. Pages
        # of one row have nothing in common, and tell nothing.
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
        """Make sure that the server heeds `Offset`.

        A page that begins like the first one may have equal rows, or be the first one.
        Only a server that ignores the offset has rows beyond all data.
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
    """The number of all rows, if that is what the server counts."""
    more = page.count is not None and page.count > len(page.rows)
    return page.count if more else None
