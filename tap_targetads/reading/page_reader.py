"""Reads the synchronous reports of the API's version 1, window by window.

API reference: v1 reports, v1 aggregated report.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_targetads.api.answers import MalformedAnswerError
from tap_targetads.api.transport import Request
from tap_targetads.errors import ApiError
from tap_targetads.reading.paginator import PagingError
from tap_targetads.reading.paging import (
    PageRequest,
    Paging,
    RowsMovedError,
    SeveralPagesError,
)
from tap_targetads.reading.reader import Reader, Reading
from tap_targetads.reading.sizes import AdaptiveSize
from tap_targetads.reports.days import tile
from tap_targetads.rows.json_pages import PageDecoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_targetads.reports.days import Window
    from tap_targetads.reports.kinds import Report
    from tap_targetads.rows.json_pages import Page
    from tap_targetads.rows.row_type import Chunk

SMALLEST_PAGE = 1_000
"""Rows of a page that is not made smaller, however often it fails."""

TRIES = 4
"""How often a window is read whose rows move, before that counts as a failure."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for, apart from the page."""

    project_id: int
    window: Window
    part: Report


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
        has_keys: Whether rows that are read again take the place of themselves.
        options: What every reader needs.
    """

    def __init__(
        self, *, page_size: int, by_day: bool, has_keys: bool, **options: Any
    ) -> None:
        """Prepare paging."""
        super().__init__(**options)
        self._by_day = by_day
        self._has_keys = has_keys
        self._page_size = AdaptiveSize(page_size, SMALLEST_PAGE, factor=4)
        self._decoder = PageDecoder(self.row_type, self.report_unselected)
        # What the last window was like is what the next one is expected to be like.
        self._usual_rows = 0
        self._usual_cap: int | None = None

    @override
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        self.begin()
        pending = deque(windows)
        moves = 0
        while pending:
            window = self.next_window(pending)
            pieces = self._pieces(project_id, window, pending)
            try:
                first = next(pieces)
            except SeveralPagesError:
                self.days.shrink(window.days, at_once=True)
                pending.appendleft(window)
                continue
            except ApiError as error:
                self.ask_for_fewer_days(window, error)
                pending.appendleft(window)
                continue
            reading = Reading(window, iter(()), pending)
            reading.pieces = _until_moved(reading, first, pieces)
            yield reading
            if not reading.moved:
                moves = 0
                self.days.succeeded()
                continue
            moves += 1
            self.client.expect_nothing()
            if self._try_again(project_id, window, moves, reading.moved):
                pending.appendleft(window)
            else:
                moves = 0

    @override
    def probe(self, project_id: int, window: Window) -> None:
        asked = _Asked(project_id, window, self.parts[0])
        self._page(asked, PageRequest(0, 1, 0), False)  # noqa: FBT003

    def _pieces(
        self,
        project_id: int,
        window: Window,
        pending: Iterable[Window],
    ) -> Iterator[Chunk]:
        """Read a window, all parts of the report.

        Yields:
            Converted rows, a few at a time; at least one piece.

        Raises:
            SeveralPagesError: Before the first piece, if the window does not fit.
            RowsMovedError: If rows moved while they were read.
            ApiError: If the API refuses, or its pages contradict each other.
        """
        # Both hold until rows have been delivered: then it is too late to begin anew.
        one_only = self._by_day and window.days > 1
        fewer_days = self.is_divisible(window)
        parts = deque(self.parts)
        while parts:
            asked = _Asked(project_id, window, parts.popleft())
            batches = asked.part.batches()
            paging = Paging(
                fetch=partial(self._page, asked),
                expect=partial(self._expect, asked, [] if one_only else parts, pending),
                size=self._page_size,
                whole_first=fewer_days,
                last_resort=bool(batches),
                has_keys=self._has_keys,
                logger=self.logger,
                subject=self.subject(project_id, window),
            )
            try:
                for page in paging.pages(one_only=one_only):
                    for piece in page.pieces():
                        self.converter.convert(piece.rows, piece.checked)
                        yield piece
                    # Two pages at once would double the memory.
                    del page
            except PagingError as error:
                raise self._error(project_id, window, str(error)) from error
            except MalformedAnswerError as error:  # too late to try again
                message = (
                    f"{paging.subject}: the page is malformed "
                    f"({self.client.clean(str(error))}). Nothing of this window counts "
                    "as read. Report it to the vendor."
                )
                raise ApiError(message) from error
            except ApiError as error:
                if fewer_days or paging.delivered or not (error.too_much and batches):
                    raise
                self.logger.warning(
                    "%s Asking for fewer campaigns at a time.", error.problem
                )
                parts.extendleft(reversed(batches))
                self.parts = [b for p in self.parts for b in p.batches() or [p]]
            one_only = fewer_days = False
            self._usual_rows, self._usual_cap = paging.delivered, paging.cap

    def _expect(
        self,
        asked: _Asked,
        parts: Iterable[Report],
        pending: Iterable[Window],
        place: PageRequest,
        total: int | None,
    ) -> None:
        """Let the client send ahead what is probably asked for after a page.

        Args:
            asked: What is being read.
            parts: The parts of the report after it.
            pending: The windows after it.
            place: Where the page stands.
            total: The number of rows, if it is known.
        """

        def following() -> Iterator[Request]:
            first = place.offset + place.known
            yield from islice(self._guessed(asked, first, total), 1, None)
            for part in parts:
                yield from self._guessed(_Asked(asked.project_id, asked.window, part))
            for later in pending:
                days = self.days.value if self.is_divisible(later) else later.days
                for window in tile(later.start, later.end, days):
                    for part in self.parts:
                        then = _Asked(asked.project_id, window, part)
                        yield from self._guessed(then)

        self.client.expect(self._call(asked, place), following())

    def _guessed(
        self, asked: _Asked, delivered: int = 0, total: int | None = None
    ) -> Iterator[Request]:
        """The calls for all pages after some rows, as far as that can be known."""
        size = self._page_size.value
        cap = min(size, self._usual_cap or size)
        # A page that turns out to be empty was asked for in vain.
        end = self._usual_rows - cap // 10 if total is None else total
        while True:
            place = PageRequest.after(delivered, size, cap)
            yield self._call(asked, place)
            delivered += max(1, cap - place.known)
            if delivered >= end:
                return

    def _page(self, asked: _Asked, place: PageRequest, can_shrink: bool) -> Page:  # noqa: FBT001
        call = replace(self._call(asked, place), can_shrink=can_shrink)
        return self.client.send(call, self._decoder.decode).page

    def _call(self, asked: _Asked, place: PageRequest) -> Request:
        return Request(
            method="POST",
            path=f"/v1/{self.report.path}",
            project_id=asked.project_id,
            subject=self.subject(asked.project_id, asked.window),
            body={
                "ResponseType": "JSON",
                **asked.part.body(self.asked, asked.window),
                "Offset": place.offset,
                "Limit": place.limit,
            },
            stream=self.report.name,
        )

    def _try_again(
        self, project_id: int, window: Window, moves: int, reason: str
    ) -> bool:
        """Whether to read a window again whose rows moved.

        Raises:
            ApiError: If that was tried often enough, and its days are over.
        """
        subject = self.subject(project_id, window)
        if moves < TRIES:
            self.logger.info("%s: %s. Reading it again.", subject, reason)
            return True
        if window.end > self.last_complete_day:
            self.logger.warning(
                "%s: %s, %d times: the day is not over. The next run reads it again.",
                subject,
                reason,
                moves,
            )
            return False
        message = (
            f"{subject}: {reason}, {moves} times. What arrived is right, but may not "
            "be all, and does not count as read: run the tap again later, or set a "
            "larger `page_size` or a shorter `window_days`, so that a window fits into "
            "one page."
        )
        raise ApiError(message)

    def _error(self, project_id: int, window: Window, problem: str) -> ApiError:
        return ApiError(
            f"{self.subject(project_id, window)}: {problem}. Nothing of this window "
            "counts as read. Report it to the vendor, or set a shorter "
            "`window_days`, so that a window fits into one page."
        )


def _until_moved(
    reading: Reading, first: Chunk, rest: Iterator[Chunk]
) -> Iterator[Chunk]:
    """The pieces, with the one that was already taken."""
    yield first
    try:
        yield from rest
    except RowsMovedError as error:
        reading.moved = str(error)
