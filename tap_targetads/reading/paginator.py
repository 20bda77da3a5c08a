"""The offset paginator of the synchronous reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from singer_sdk.pagination import OffsetPaginator
from typing_extensions import override

if TYPE_CHECKING:
    from tap_targetads.rows.json_pages import Page

OVERLAP = 1_000
"""Most rows that a page shares with the one before it."""

FEW_ROWS = 100
"""Fewer rows than these may be equal by chance."""


class PagingError(Exception):
    """The server's pages contradict each other."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which rows to request; the first `overlap` of them have been delivered before."""

    offset: int
    limit: int
    overlap: int = 0

    @classmethod
    def after(cls, delivered: int, limit: int, cap: int | None = None) -> Self:
        """The page that follows the delivered rows, at most `limit` rows.

        It overlaps them by a tenth: if those rows differ, rows came or went before it.
        Small pages overlap more, since a few rows are equal by chance too often. `cap`
        is what the server sends at most, if that is less than `limit`.
        """
        comes = min(limit, cap or limit)
        overlap = min(max(comes // 10, min(comes // 2, FEW_ROWS)), OVERLAP, delivered)
        return cls(delivered - overlap, limit, overlap)


class ReportPaginator(OffsetPaginator):
    """Pages by `Offset` until the server says that there are no more.

    API reference: v1 reports. `has_more` decides; where it is missing, a page shorter
    than `Limit` is the last, unless `count` says that there are more. `count` never
    ends the paging: it is the rows of the page in the documentation, and the total on
    the live API.

    The offset moves by the rows received, not by those requested, so that a server that
    caps `Limit` loses nothing. `cap` is what the last page with a successor had.
    """

    def __init__(self) -> None:
        super().__init__(0, 0)
        self.cap: int | None = None
        self.request = PageRequest(0, 0)

    def next_request(self, limit: int) -> PageRequest:
        """The page to request next."""
        self.request = PageRequest.after(self.current_value, limit, self.cap)
        return self.request

    def brings_nothing(self, page: Page) -> bool:
        """Whether a page has no new rows although more follow."""
        if len(page.rows) > self.request.overlap or not self.has_more(page):
            return False
        self.cap = len(page.rows)  # fewer than before: the next one overlaps less
        return True

    # The SDK passes the HTTP response; here it is the decoded page, so that no page is
    # parsed twice.

    @override
    def has_more(self, response: Page) -> bool:  # type: ignore[override]
        rows = len(response.rows)
        if response.has_more is None:
            more = (response.count or 0) > self.request.offset + rows
            return rows >= self.request.limit or (rows > 0 and more)
        if response.has_more and not rows:
            message = (
                f"the page at offset {self.request.offset} is empty, although the "
                "server says that more rows follow"
            )
            raise PagingError(message)
        return response.has_more

    @override
    def get_next(self, response: Page) -> int:  # type: ignore[override]
        self.cap = len(response.rows)
        return self.request.offset + len(response.rows)
