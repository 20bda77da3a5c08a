"""Reads the pages of a report by offset, and notices when its rows move meanwhile.

API reference: v1 reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_targetads.errors import ApiError
from tap_targetads.plurals import count_of
from tap_targetads.reading.paginator import PagingError, ReportPaginator

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from tap_targetads.reading.sizes import AdaptiveSize
    from tap_targetads.rows.json_pages import Page

PROBE_OFFSET = 1_000_000_000
"""An offset beyond all data: a server that heeds offsets has no rows there."""

OVERLAP = 1_000
"""Most rows that a page has in common with the one before it."""

FEW_ROWS = 100
"""Fewer than these may be the same rows by chance."""


class SeveralPagesError(Exception):
    """The rows do not fit into one page, and were to be read in one only."""


class RowsMovedError(Exception):
    """Rows came or went between two pages, so that some would be missed or doubled."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Where a page stands among the others.

    Attributes:
        offset: How many rows are before it.
        limit: How many rows are asked for.
        known: How many of its rows, at its beginning, have been delivered before.
    """

    offset: int
    limit: int
    known: int

    @classmethod
    def after(cls, delivered: int, size: int, cap: int | None = None) -> PageRequest:
        """The page that follows some rows.

        It begins with the last of them: whether they are the same tells whether rows
        came or went before it. A few rows would be the same by chance too often, so
        small pages begin with more of them than the tenth that is enough elsewhere.

        Args:
            delivered: How many rows have been delivered.
            size: How many are asked for.
            cap: How many the server sends at most, if that is less.
        """
        comes = min(size, cap or size)
        known = min(max(comes // 10, min(comes // 2, FEW_ROWS)), OVERLAP, delivered)
        return cls(delivered - known, size, known)


@dataclass(slots=True)
class Paging:
    """Reads all rows of one request, page by page.

    Attributes:
        fetch: Asks for a page; the second argument tells whether less can be asked for
            if that fails.
        expect: Told before each page where it stands, and the number of all rows, if
            that is known.
        size: Rows per page.
        whole_first: Whether the caller has something better than smaller pages if the
            first page fails.
        last_resort: Whether it has something else if the smallest first page fails.
        has_keys: Whether rows that are read again take the place of themselves.
        logger: Where warnings go.
        subject: What is being read, as log lines name it.
        delivered: How many rows have been delivered.
        total: The number of all rows, where the server counts them.
        cap: How many rows a page had that was not the last: the server may send fewer
            than are asked for.
        offset_counts: Whether the server has been seen to heed `Offset`.
    """

    fetch: Callable[[PageRequest, bool], Page]
    expect: Callable[[PageRequest, int | None], None]
    size: AdaptiveSize
    whole_first: bool
    last_resort: bool
    has_keys: bool
    logger: logging.Logger
    subject: str
    delivered: int = 0
    total: int | None = None
    cap: int | None = None
    offset_counts: bool = False

    def pages(self, *, one_only: bool = False) -> Iterator[Page]:
        """Read all pages.

        Args:
            one_only: Stop before the first page if there are more.

        Yields:
            At least one page, of rows that have not been delivered yet.

        Raises:
            SeveralPagesError: If there are more than one, and should not be.
            RowsMovedError: If rows came or went; before the page that would be wrong.
            PagingError: If the pages contradict each other.
            MalformedAnswerError: If something among the rows is no row.
            ApiError: If the API refuses.
        """
        first: list[bytes] = []
        last: list[bytes] = []
        while True:
            page, place, finished = self._next()
            if one_only and not finished:
                raise SeveralPagesError
            counted, on_page = page.count, len(page.rows)
            if self.delivered:
                self._check_continues(page, first, last[len(last) - place.known :])
                page.rows = page.rows[place.known :]
            else:
                self.total = _total(page)
            if not finished:
                self.cap = on_page
                first = first or page.lines(page.rows[:OVERLAP])
                # The next page begins with so many of them, or with fewer.
                overlap = max(1, PageRequest.after(OVERLAP, on_page).known)
                last += page.lines(page.rows[-overlap:])
                del last[:-overlap]
            self.delivered += len(page.rows)
            yield page
            # Two pages at once would double the memory.
            del page
            if finished:
                break
        if counted not in {None, on_page, self.delivered}:
            self.logger.warning(
                "%s: the API counted %s rows, but delivered %d.",
                self.subject,
                counted,
                self.delivered,
            )

    def _next(self) -> tuple[Page, PageRequest, bool]:
        """The next page; of fewer rows, if need be."""
        while True:
            size = self.size.value
            place = PageRequest.after(self.delivered, size, self.cap)
            first = not self.delivered
            smaller = not (first and self.whole_first) and not self.size.is_smallest
            can_shrink = smaller or (first and (self.whole_first or self.last_resort))
            self.expect(place, self.total)
            try:
                page = self.fetch(place, can_shrink)
            except ApiError as error:
                if not (error.too_much and smaller and self.size.shrink(size)):
                    raise
                self.logger.warning(
                    "%s Asking for %s at a time.",
                    error.problem,
                    count_of(self.size.value, "row"),
                )
            else:
                self.size.succeeded()
                paginator = ReportPaginator(place.offset, size)
                paginator.advance(page)  # type: ignore[arg-type] # see the paginator
                if paginator.finished or len(page.rows) > place.known:
                    return page, place, paginator.finished
                # The server sends fewer than it did: nothing new came.
                self.cap = len(page.rows)

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
        if self.fetch(PageRequest(PROBE_OFFSET, 1, 0), False).rows:  # noqa: FBT003
            message = "the API ignores `Offset` and sends the same page again"
            raise PagingError(message)
        self.offset_counts = True


def _total(page: Page) -> int | None:
    """The number of all rows, if that is what the server counts."""
    more = page.count is not None and page.count > len(page.rows)
    return page.count if more else None
