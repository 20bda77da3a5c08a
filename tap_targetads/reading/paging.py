"""Reads the pages of a report by offset, and detects rows that move between pages.

API reference: v1 reports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_targetads.errors import ApiError
from tap_targetads.reading.paginator import (
    PageRequest,
    PagingError,
    ReportPaginator,
)
from tap_targetads.reading.seam import OVERLAP, Seam
from tap_targetads.reading.splitter import SplitError, Step

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from tap_targetads.reading.splitter import Splitter
    from tap_targetads.reports.days import Window
    from tap_targetads.reports.kinds import Report
    from tap_targetads.rows.json_pages import Page
    from tap_targetads.rows.row_type import Row

PROBE_OFFSET = 1_000_000_000
"""An offset beyond all data: a server that honours offsets has no rows there."""

_BEYOND = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
"""What a server may answer to an offset at which it has no rows."""


class RowsMovedError(Exception):
    """Rows came, went or are missing: what was delivered is not complete."""


@dataclass(slots=True)
class ShortPages:
    """What is known of pages shorter than `Limit`, where the server says nothing.

    Attributes:
        last: A page of at most so many rows is the last one: the server is known to
            send that many, where it has them.
    """

    last: int = 0


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
        time_of: The time of a row, if it is among the fields.
        short_pages: What earlier requests have shown.
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
    time_of: Callable[[Row], Any] | None = None
    short_pages: ShortPages = field(default_factory=ShortPages)
    paginator: ReportPaginator = field(init=False)
    total: int | None = None
    offset_counts: bool = False

    def __post_init__(self) -> None:
        """Create the paginator."""
        self.paginator = ReportPaginator(self._goes_on)

    @property
    def delivered(self) -> int:
        """How many rows of the request have been delivered."""
        return self.paginator.seam.cut

    def pages(self) -> Iterator[Page]:
        """Read all pages: at least one, of rows that have not been delivered yet.

        Raises:
            SplitError: Before the first page, if the window must be split.
            RowsMovedError: If rows moved, before the page that would be wrong; or after
                the last page, if rows are missing.
            PagingError: If the pages contradict each other.
            MalformedAnswerError: If a row is not an object.
            ApiError: If the API refuses.
        """
        first: list[bytes] = []
        counted, on_page, finished = None, 0, False
        while not finished:
            page = self._next()
            finished = not self.paginator.has_more(page)
            if not self.begun and not finished:
                self.splitter.check_fits(self.window)
            offset, before = self.paginator.request.offset, self.delivered
            counted, on_page = page.count, len(page.rows)
            if before:
                self._check_continues(page, first)
            elif counted is not None and counted > on_page:
                self.total = counted
            if finished:
                end = max(before, offset + on_page)
                self.paginator.seam = Seam(cut=end, end=end)
            else:
                first = first or page.lines(page.rows[:OVERLAP])
                seam = Seam.behind(page, offset, before, self.time_of)
                self.paginator.seam = seam
            self.paginator.advance(page)  # type: ignore[arg-type] # see there
            page.rows = page.rows[before - offset : self.delivered - offset]
            self.begun = True
            yield page
            del page  # before the next one: two would double the memory
        self._check_count(counted, on_page)

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
                self.splitter.page_size.succeeded()
                return page

    def _check_continues(self, page: Page, first: Sequence[bytes]) -> None:
        """Check that a page begins with the rows that were received last."""
        offset = self.paginator.request.offset
        head = page.lines(page.rows[: self.delivered - offset])
        # Most pages already differ from the first in `head`, so that no more rows need
        # encoding. Pages of one row do not overlap, and prove nothing.
        looks_first = head == first[: len(head)] and (
            not head or page.lines(page.rows[: len(first)]) == first
        )
        if looks_first and not self.offset_counts:
            if self._has_rows_at(PROBE_OFFSET):
                message = "the API ignores `Offset` and sends the same page again"
                raise PagingError(message)
            self.offset_counts = True
        seam = self.paginator.seam
        problem = ""
        if not seam.continues(offset, head):
            problem = "rows came or went while they were read page by page"
        elif self.total is not None and page.count != self.total:
            problem = f"the API counted {self.total} rows at first, then {page.count}"
            if seam.is_telling:  # they came or went behind the seam
                self.total, problem = page.count, ""
        if problem and self.has_keys:
            raise RowsMovedError(problem)
        if problem:
            self.logger.warning(
                "%s: %s. Without a row key they cannot be read again: some may be "
                "missing, or there twice.",
                self.subject,
                problem,
            )

    def _goes_on(self, page: Page, end: int) -> bool:
        """Whether more rows follow a page that is shorter than `Limit`.

        The server may cap pages without a word. A server that ignores the offset has no
        more than this page.
        """
        rows = len(page.rows)
        if rows <= self.short_pages.last:
            return False
        if self._has_rows_at(end) and not self._has_rows_at(PROBE_OFFSET):
            return True
        self.short_pages.last = rows
        return False

    def _has_rows_at(self, offset: int) -> bool:
        """Whether the server has a row there; it may reject offsets beyond the end."""
        try:
            return bool(self.fetch(PageRequest(offset, 1), False).rows)  # noqa: FBT003
        except ApiError as error:
            if error.status in _BEYOND:
                return False
            raise

    def _check_count(self, counted: int | None, on_page: int) -> None:
        """Check what was counted: the rows of the last page, or all of them."""
        if counted is None or counted in {on_page, self.delivered}:
            return
        problem = f"the API counted {counted} rows, but delivered {self.delivered}"
        if counted <= self.delivered:
            self.logger.warning("%s: %s.", self.subject, problem)
        elif self.has_keys:
            raise RowsMovedError(problem)
        else:
            raise PagingError(problem)
