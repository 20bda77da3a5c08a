"""Reads the pages of a report by offset, and notices when its rows move meanwhile.

API reference: v1 reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tap_targetads.errors import ApiError
from tap_targetads.paginator import PagingError, ReportPaginator

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from tap_targetads.pages import Page
    from tap_targetads.rows import Row
    from tap_targetads.sizes import AdaptiveSize

PROBE_OFFSET = 1_000_000_000
"""An offset beyond all data: a server that heeds offsets has no rows there."""

COMPARED_ROWS = 1_000
"""How many rows are compared to find out whether rows have moved between pages."""


class SeveralPagesError(Exception):
    """The rows do not fit into one page, and were to be read in one only."""


class RowsMovedError(Exception):
    """Rows came or went between two pages, so that some would be missed or doubled."""


@dataclass(slots=True)
class Paging:
    """Reads all rows of one request, page by page.

    Attributes:
        fetch: Asks for the page at an offset, of so many rows.
        size: Rows per page.
        smaller_pages: Whether the first page may be made smaller if it fails; the later
            ones always may.
        compare: Whether to look for rows that move.
        logger: Where warnings go.
        subject: What is being read, as log lines name it.
        delivered: How many rows have been delivered.
    """

    fetch: Callable[[int, int], Page]
    size: AdaptiveSize
    smaller_pages: bool
    compare: bool
    logger: logging.Logger
    subject: str
    delivered: int = 0

    def pages(self, *, one_only: bool = False) -> Iterator[Page]:
        """Read all pages.

        Args:
            one_only: Stop before the first page if there are more.

        Yields:
            At least one page.

        Raises:
            SeveralPagesError: If there are more than one, and should not be.
            RowsMovedError: If rows came or went; before the page that would be wrong.
            PagingError: If the pages contradict each other.
            ApiError: If the API refuses.
        """
        first: list[bytes] = []
        last: list[bytes] = []
        previous: tuple[int, bytes] | None = None
        total: int | None = None
        while True:
            page, paginator = self._next()
            if one_only and not paginator.finished:
                raise SeveralPagesError
            fingerprint = page.fingerprint()
            if fingerprint == previous and page.rows:
                self._check_offset_counts()
            previous = fingerprint
            if self.delivered and self.compare:
                self._check_continues(page, last, total)
            elif not self.delivered:
                total = _total(page)
            if not paginator.finished:
                first = first or _lines(page.rows[:COMPARED_ROWS])
                last += _lines(page.rows[-COMPARED_ROWS:])
                del last[:-COMPARED_ROWS]
            self.delivered += len(page.rows)
            counted, on_page = page.count, len(page.rows)
            yield page
            # Two pages at once would double the memory.
            del page
            if paginator.finished:
                break
        if first and self.compare:
            self._check_begins(first, total)
        if counted not in {None, on_page, self.delivered}:
            self.logger.warning(
                "%s: the API counted %s rows, but delivered %d.",
                self.subject,
                counted,
                self.delivered,
            )

    def _next(self) -> tuple[Page, ReportPaginator]:
        """The next page; of fewer rows, if need be."""
        while True:
            size = self.size.value
            try:
                page = self.fetch(self.delivered, size)
            except ApiError as error:
                may_shrink = self.smaller_pages or self.delivered
                if not (error.too_much and may_shrink and self.size.shrink(size)):
                    raise
                self.logger.warning(
                    "%s Asking for %d rows at a time.", error.problem, self.size.value
                )
            else:
                self.size.succeeded()
                paginator = ReportPaginator(self.delivered, size)
                paginator.advance(page)  # type: ignore[arg-type] # see the paginator
                return page, paginator

    def _check_offset_counts(self) -> None:
        """Make sure that the server heeds `Offset`.

        Two pages that look the same may be equal rows, or the same page twice. Only
        a server that ignores the offset has rows beyond all data.
        """
        if self.fetch(PROBE_OFFSET, 1).rows:
            message = "the API ignores `Offset` and sends the same page again"
            raise PagingError(message)

    def _check_continues(
        self, page: Page, last: Sequence[bytes], total: int | None
    ) -> None:
        """Make sure that a page begins where the one before it ended.

        Rows that came in before the offset push the last rows that were delivered into
        this page. Such a row may also be another one that is equal: only asking for
        the last rows again tells.
        """
        if total is not None and page.count != total:
            message = f"the API counted {total} rows at first, and then {page.count}"
            raise RowsMovedError(message)
        if not set(last).isdisjoint(_lines(page.rows[:COMPARED_ROWS])):
            again = self.fetch(self.delivered - len(last), len(last))
            if _lines(again.rows) != last:
                message = "rows came in while they were read page by page"
                raise RowsMovedError(message)

    def _check_begins(self, first: Sequence[bytes], total: int | None) -> None:
        """Make sure that the first page is still the same after the last one."""
        again = self.fetch(0, len(first))
        if _lines(again.rows) != first or total not in {None, again.count}:
            message = "the rows are others at the end than at the beginning"
            raise RowsMovedError(message)


def _total(page: Page) -> int | None:
    """The number of all rows, if that is what the server counts."""
    more = page.count is not None and page.count > len(page.rows)
    return page.count if more else None


def _lines(rows: Sequence[Row]) -> list[bytes]:
    return [msgspec.json.encode(row) for row in rows]
