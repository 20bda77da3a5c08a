"""Reads the synchronous reports of the API's version 1, window by window.

API reference: v1 reports, v1 aggregated report.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_targetads.client import Call
from tap_targetads.errors import ApiError
from tap_targetads.pages import PageDecoder
from tap_targetads.paginator import PagingError
from tap_targetads.paging import Paging, RowsMovedError, SeveralPagesError
from tap_targetads.reader import Reader, Reading
from tap_targetads.sizes import AdaptiveSize
from tap_targetads.windows import tile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_targetads.pages import Page
    from tap_targetads.reports import Report
    from tap_targetads.windows import Window

SMALLEST_PAGE = 1_000
"""Rows of a page that is not made smaller, however often it fails."""

REREADS = 3
"""How often a window is read because its rows moved, before they are let through."""


class PageReader(Reader):
    """Reads page by page.

    What the API cannot deliver is asked for in smaller parts: fewer days, then smaller
    pages, then fewer campaigns, where that loses no rows. What worked is remembered
    for the windows after it.

    Args:
        page_size: Rows per request.
        by_day: Read a window of several days that does not fit into one page a day at
            a time. Equal rows must be told apart within a window, which takes memory
            for all of its rows.
        options: What every reader needs.
    """

    def __init__(self, *, page_size: int, by_day: bool, **options: Any) -> None:
        """Prepare paging."""
        super().__init__(**options)
        self._by_day = by_day
        self._page_size = AdaptiveSize(page_size, SMALLEST_PAGE, factor=4)
        self._decoder = PageDecoder(self.types, self.report_unselected)

    @override
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        pending = deque(windows)
        moves = 0
        while pending:
            window = pending.popleft()
            if self.is_divisible(window) and window.days > self.days.value:
                parts = list(tile(window.start, window.end, self.days.value))
                pending.extendleft(reversed(parts))
                continue
            pages = self._pages(project_id, window, compare=moves < REREADS)
            try:
                first = [next(pages)]
            except SeveralPagesError:
                self.days.stay_at(1)
                pending.appendleft(window)
                continue
            except ApiError as error:
                self.ask_for_fewer_days(window, error)
                pending.appendleft(window)
                continue
            reading = Reading(window, iter(()), pending)
            reading.pages = _until_moved(reading, first, pages)
            yield reading
            if reading.moved:
                moves += 1
                self._tell_of_moves(project_id, window, moves, reading.moved)
                pending.appendleft(window)
            else:
                moves = 0
                self.days.succeeded()

    @override
    def probe(self, project_id: int, window: Window) -> None:
        self._page(project_id, window, self.parts[0], 0, 1)

    def _pages(
        self, project_id: int, window: Window, *, compare: bool
    ) -> Iterator[Page]:
        """Read a window, all parts of the report.

        Yields:
            Pages of converted rows, at least one.

        Raises:
            SeveralPagesError: Before the first page, if the window does not fit.
            RowsMovedError: If rows moved while they were read.
            ApiError: If the API refuses, or its pages contradict each other.
        """
        one_only = self._by_day and window.days > 1
        parts = deque(self.parts)
        while parts:
            part = parts.popleft()
            paging = Paging(
                fetch=partial(self._page, project_id, window, part),
                size=self._page_size,
                smaller_pages=not self.is_divisible(window),
                compare=compare,
                logger=self.logger,
                subject=self.subject(project_id, window),
            )
            try:
                for page in paging.pages(one_only=one_only):
                    self.converter.convert(page.rows, strict=page.strict)
                    yield page
                    del page
            except PagingError as error:
                raise self._error(project_id, window, str(error)) from error
            except ApiError as error:
                fewer = part.batches()
                if (
                    self.is_divisible(window)
                    or paging.delivered
                    or not (error.too_much and fewer)
                ):
                    raise
                self.logger.warning(
                    "%s Asking for fewer campaigns at a time.", error.problem
                )
                parts.extendleft(reversed(fewer))
            one_only = False  # rows have been delivered: it is too late to begin anew

    def _page(
        self,
        project_id: int,
        window: Window,
        report: Report,
        offset: int,
        limit: int,
    ) -> Page:
        call = Call(
            method="POST",
            path=f"/v1/{self.report.path}",
            project_id=project_id,
            subject=self.subject(project_id, window),
            body={
                "ResponseType": "JSON",
                **report.body(self.asked, window),
                "Offset": offset,
                "Limit": limit,
            },
            stream=self.report.name,
            can_shrink=self.is_divisible(window)
            or limit > SMALLEST_PAGE
            or bool(report.batches()),
        )
        return self.client.send(call, self._decoder.decode).page

    def _tell_of_moves(
        self, project_id: int, window: Window, moves: int, reason: str
    ) -> None:
        subject = self.subject(project_id, window)
        if moves < REREADS:
            self.logger.info("%s: %s. Reading it again.", subject, reason)
            return
        self.logger.warning(
            "%s: %s, %d times. Reading it once more as it comes: rows may be missing, "
            "or there twice. Set `lookback_days`, so that later runs read it again.",
            subject,
            reason,
            moves,
        )

    def _error(self, project_id: int, window: Window, problem: str) -> ApiError:
        return ApiError(
            f"{self.subject(project_id, window)}: {problem}. Nothing of this window "
            "counts as read. Report it to the vendor, or set a shorter "
            "`window_days`, so that a window fits into one page."
        )


def _until_moved(
    reading: Reading, first: list[Page], rest: Iterator[Page]
) -> Iterator[Page]:
    """The pages with the one that was already taken; none is kept longer than used."""
    yield first.pop()
    try:
        yield from rest
    except RowsMovedError as error:
        reading.moved = str(error)
