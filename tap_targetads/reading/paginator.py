"""The offset paginator of the synchronous reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.pagination import OffsetPaginator
from typing_extensions import override

if TYPE_CHECKING:
    from tap_targetads.rows.json_pages import Page


class PagingError(Exception):
    """The server's pages contradict each other."""


class ReportPaginator(OffsetPaginator):
    """Pages by `Offset` until the server says that nothing follows.

    API reference: v1 reports. `has_more` decides; where it is missing, a page shorter
    than `Limit` is the last, unless `count` says that there are more. `count` never
    ends the paging: it is the number of rows on the page in the documents, and the
    total on the live API.

    The offset moves by the rows that came, not by those asked for: a server that
    caps `Limit` loses nothing.
    """

    @override
    def has_more(self, response: Page) -> bool:  # type: ignore[override]
        # The SDK hands over the HTTP response; here it is the page decoded from it,
        # so that no page is parsed twice.
        if response.has_more is None:
            so_far = self.current_value + len(response.rows)
            counted = response.count or 0
            return len(response.rows) >= self.page_size or (
                bool(response.rows) and counted > so_far
            )
        if response.has_more and not response.rows:
            message = (
                f"the page at offset {self.current_value} is empty, although the "
                "server says that more rows follow"
            )
            raise PagingError(message)
        return response.has_more

    @override
    def get_next(self, response: Page) -> int:  # type: ignore[override]
        return self.current_value + len(response.rows)
