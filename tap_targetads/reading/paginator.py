"""The offset paginator of the synchronous reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from singer_sdk.pagination import OffsetPaginator
from typing_extensions import override

from tap_targetads.reading.seam import Seam, usual_overlap

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_targetads.rows.json_pages import Page


class PagingError(Exception):
    """The server's pages contradict each other."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which rows to request; the first `overlap` of them have been received before."""

    offset: int
    limit: int
    overlap: int = 0

    @classmethod
    def after(cls, end: int, limit: int, cap: int | None = None) -> Self:
        """The page that follows a page's end, at most `limit` rows.

        They overlap: if those rows differ, rows came or went before them. `cap` is what
        the server sends at most, if that is less than `limit`.
        """
        overlap = min(usual_overlap(min(limit, cap or limit)), end)
        return cls(end - overlap, limit, overlap)


class ReportPaginator(OffsetPaginator):
    """Pages by `Offset` until the server says that there are no more.

    API reference: v1 reports. `has_more` decides. Where it is missing, a page has a
    successor if it is full, as long as the one before it, or if `count` says so; about
    others, `goes_on` is asked. `count` alone never ends the paging: it is the rows of
    the page in the documentation, and the total on the live API.

    The offset moves by the rows received, not by those requested, so that a server that
    caps `Limit` loses nothing.

    Attributes:
        seam: What has been delivered, and how the next page must begin.
        cap: How many rows the last page with a successor had.
    """

    def __init__(self, goes_on: Callable[[Page, int], bool]) -> None:
        super().__init__(0, 0)
        self._goes_on = goes_on
        self.seam = Seam()
        self.cap: int | None = None
        self.request = PageRequest(0, 0)

    def next_request(self, limit: int) -> PageRequest:
        """The page to request next: from the seam, but at least half of it new."""
        seam, comes = self.seam, min(limit, self.cap or limit)
        usual = PageRequest.after(seam.end, limit, self.cap).offset
        offset = max(min(usual, seam.start), seam.cut - comes // 2)
        self.request = PageRequest(offset, limit, seam.end - offset)
        return self.request

    def brings_nothing(self, page: Page) -> bool:
        """Whether a page has no new rows although more follow."""
        known = self.seam.cut - self.request.offset
        if len(page.rows) > known or not self.has_more(page):
            return False
        self.cap = len(page.rows)  # fewer than before: the next one overlaps less
        return True

    # The SDK passes the HTTP response; here it is the decoded page, so that no page is
    # parsed twice.

    @override
    def has_more(self, response: Page) -> bool:  # type: ignore[override]
        if response.has_more is None:
            response.has_more = self._probably_has_more(response)
        if response.has_more and not response.rows:
            message = (
                f"the page at offset {self.request.offset} is empty, although the "
                "server says that more rows follow"
            )
            raise PagingError(message)
        return response.has_more

    def _probably_has_more(self, page: Page) -> bool:
        rows, count, limit = len(page.rows), page.count or 0, self.request.limit
        end = self.request.offset + rows
        if not rows:
            return False
        if rows >= min(limit, self.cap or limit) or count > end:
            return True
        counted_all = count == end > rows
        return not counted_all and self._goes_on(page, end)

    @override
    def get_next(self, response: Page) -> int:  # type: ignore[override]
        self.cap = len(response.rows)
        return self.seam.cut
