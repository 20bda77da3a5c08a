"""The offset paginator of the synchronous reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from singer_sdk.pagination import OffsetPaginator
from typing_extensions import override

if TYPE_CHECKING:
    from tap_targetads.rows.json_pages import Page

OVERLAP = 1_000
"""Most rows that a page has in common with the one before it."""

FEW_ROWS = 100
"""Fewer than these may be the same rows by chance."""


class PagingError(Exception):
    """The server's pages contradict each other."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which rows are asked for.

    Attributes:
        offset: How many rows are before the page.
        limit: How many rows are asked for.
        overlap: How many of its rows, at its beginning, have been delivered before.
    """

    offset: int
    limit: int
    overlap: int = 0

    @classmethod
    def after(cls, delivered: int, limit: int, cap: int | None = None) -> Self:
        """The page that follows some rows.

        It begins with the last of them: whether they are the same tells whether rows
        came or went before it. A few rows would be the same by chance too often, so
        small pages begin with more of them than the tenth that is enough elsewhere.

        Args:
            delivered: How many rows have been delivered.
            limit: How many are asked for.
            cap: How many the server sends at most, if that is less.
        """
        comes = min(limit, cap or limit)
        overlap = min(max(comes // 10, min(comes // 2, FEW_ROWS)), OVERLAP, delivered)
        return cls(delivered - overlap, limit, overlap)


class ReportPaginator(OffsetPaginator):
    """Pages by `Offset` until the server says that nothing follows.

    API reference: v1 reports. `has_more` decides; where it is missing, a page shorter
    than `Limit` is the last, unless `count` says that there are more. `count` never
    ends the paging: it is the number of rows on the page in the documents, and the
    total on the live API.

    The offset moves by the rows that came, not by those asked for: a server that
    caps `Limit` loses nothing.

    Attributes:
        cap: How many rows a page had that was not the last: the server may send fewer
            than are asked for.
        request: The page that was asked for last.
    """

    def __init__(self) -> None:
        super().__init__(0, 0)
        self.cap: int | None = None
        self.request = PageRequest(0, 0)

    def next_request(self, limit: int) -> PageRequest:
        """The page that is asked for next; of fewer rows, perhaps, than the last."""
        self.request = PageRequest.after(self.current_value, limit, self.cap)
        return self.request

    def brings_nothing(self, page: Page) -> bool:
        """Whether a page has no new rows, although more follow.

        The server sends fewer rows than it did. The next request overlaps less.
        """
        if len(page.rows) > self.request.overlap or not self.has_more(page):
            return False
        self.cap = len(page.rows)
        return True

    # The SDK hands over the HTTP response; here it is the page decoded from it, so that
    # no page is parsed twice.

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
