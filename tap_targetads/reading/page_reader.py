"""Reads the synchronous reports of API version 1, window by window.

API reference: v1 reports, v1 aggregated report.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_targetads.api.answers import MalformedAnswerError
from tap_targetads.api.endpoints import report_page
from tap_targetads.errors import ApiError
from tap_targetads.reading.paginator import PageRequest, PagingError
from tap_targetads.reading.paging import Paging, RowsMovedError, ShortPages
from tap_targetads.reading.reader import Reader, Reading, Source
from tap_targetads.reading.splitter import SplitError, Splitter
from tap_targetads.reports.fields import EVENT_DATE, INTERACTION_TIME
from tap_targetads.rows.json_pages import PageDecoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_targetads.api.transport import Request
    from tap_targetads.reports.days import Window
    from tap_targetads.reports.kinds import Report
    from tap_targetads.rows.json_pages import Page
    from tap_targetads.rows.row_type import Chunk

MAX_READS = 4
"""Reads of a window whose rows keep moving, before it counts as a failure."""

_TIMES = (INTERACTION_TIME, EVENT_DATE)
"""The fields that rows may be sorted by."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is requested, apart from the page."""

    project_id: int
    window: Window
    report: Report


class PageReader(Reader):
    """Reads page by page.

    Args:
        source: What is read.
        page_size: Rows per request.
        days_in_one_page: Whether a window of several days that does not fit into one
            page is read day by day.
        has_keys: Whether records have a primary key, so that reading rows again
            replaces them.
    """

    def __init__(
        self,
        source: Source,
        *,
        page_size: int,
        days_in_one_page: bool,
        has_keys: bool,
    ) -> None:
        super().__init__(source)
        self.splitter = Splitter(
            self.report,
            self.logger,
            page_size=page_size,
            days_in_one_page=days_in_one_page,
        )
        self._has_keys = has_keys
        self._decoder = PageDecoder(self.row_type, self.report_unselected)
        # The next window is expected to be like the last one.
        self._usual_rows = 0
        self._usual_cap: int | None = None
        self._short_pages = ShortPages()
        attributes = self.row_type.attributes
        times = [attributes[n] for n in _TIMES if n in attributes]
        self._time_of = attrgetter(times[0]) if times else None

    @override
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        self.splitter.begin_project()
        pending = deque(windows)
        reads = 1
        while pending:
            window = self.splitter.next_window(pending)
            chunks = self._chunks(project_id, window, pending)
            try:
                first = next(chunks)
            except SplitError:
                pending.appendleft(window)
                continue
            reading = Reading(window, iter(()), pending)
            reading.chunks = _until_moved(reading, first, chunks)
            yield reading
            if not reading.moved:
                self.splitter.days.succeeded()
            elif self._read_again(project_id, reading, reads):
                reads += 1
                pending.appendleft(window)
                continue
            reads = 1

    @override
    def probe(self, project_id: int, window: Window) -> None:
        asked = _Asked(project_id, window, self.splitter.requests[0])
        self._page(asked, PageRequest(0, 1), splittable=False)

    def _chunks(
        self, project_id: int, window: Window, pending: Iterable[Window]
    ) -> Iterator[Chunk]:
        """Read a window, with all requests of the report: at least one chunk.

        SplitError is raised before the first chunk, RowsMovedError whenever rows move.
        """
        begun = False
        left = deque(self.splitter.requests)
        while left:
            asked = _Asked(project_id, window, left.popleft())
            restarts = self.splitter.must_fit(window) and not begun
            paging = Paging(
                window=window,
                report=asked.report,
                begun=begun,
                fetch=partial(self._fetch, asked),
                # A window that must fit into one page may be split into days next.
                expect=partial(self._expect, asked, () if restarts else left, pending),
                splitter=self.splitter,
                has_keys=self._has_keys,
                logger=self.logger,
                subject=self.subject(project_id, window),
                time_of=self._time_of,
                short_pages=self._short_pages,
            )
            try:
                yield from self._pages(paging)
            except SplitError:
                if not begun:
                    raise
                left.extendleft(reversed(asked.report.by_campaigns()))
            begun = True
            self._usual_rows, self._usual_cap = paging.delivered, paging.paginator.cap

    def _pages(self, paging: Paging) -> Iterator[Chunk]:
        try:
            for page in paging.pages():
                for chunk in page.chunks():
                    self.converter.convert(chunk)
                    yield chunk
                del page  # before the next one: two would double the memory
        except PagingError as error:
            message = (
                f"{paging.subject}: {error}. Nothing of this window counts as read. "
                "Report it to the vendor, or set a shorter `window_days`, so that a "
                "window fits into one page."
            )
            raise ApiError(message) from error
        except MalformedAnswerError as error:  # too late to retry
            message = (
                f"{paging.subject}: the page is malformed "
                f"({self.client.clean(str(error))}). Nothing of this window counts "
                "as read. Report it to the vendor."
            )
            raise ApiError(message) from error

    def _expect(
        self,
        asked: _Asked,
        left: Iterable[Report],
        pending: Iterable[Window],
        page: PageRequest,
        total: int | None,
    ) -> None:
        """Prefetch what will probably be requested after a page.

        That is the rest of this request, then the `left` reports of the window, then
        the `pending` windows. `total` is the number of rows, if known.
        """
        splitter = self.splitter

        def following() -> Iterator[Request]:
            first = page.offset + page.overlap
            yield from islice(self._guessed(asked, first, total), 1, None)
            for report in left:
                yield from self._guessed(_Asked(asked.project_id, asked.window, report))
            for later in pending:
                for window in splitter.windows_of(later):
                    for report in splitter.requests:
                        then = _Asked(asked.project_id, window, report)
                        yield from self._guessed(then)

        self.client.expect(self._request(asked, page), following())

    def _guessed(
        self, asked: _Asked, delivered: int = 0, total: int | None = None
    ) -> Iterator[Request]:
        """Requests for the pages after the delivered rows, as far as known."""
        size = self.splitter.page_size.value
        cap = min(size, self._usual_cap or size)
        # A tenth less, since a request for an empty page would be wasted.
        end = self._usual_rows - cap // 10 if total is None else total
        while True:
            page = PageRequest.after(delivered, size, cap)
            yield self._request(asked, page)
            delivered += max(1, cap - page.overlap)
            if delivered >= end:
                return

    def _fetch(self, asked: _Asked, page: PageRequest, splittable: bool) -> Page:  # noqa: FBT001
        return self._page(asked, page, splittable=splittable)

    def _page(self, asked: _Asked, page: PageRequest, *, splittable: bool) -> Page:
        request = self._request(asked, page)
        return self.client.send(
            request, self._decoder.decode, splittable=splittable
        ).page

    def _request(self, asked: _Asked, page: PageRequest) -> Request:
        return report_page(
            self.report.endpoint,
            asked.project_id,
            self.subject(asked.project_id, asked.window),
            self.report.name,
            asked.report.body(self.source.asked, asked.window),
            offset=page.offset,
            limit=page.limit,
        )

    def _read_again(self, project_id: int, reading: Reading, reads: int) -> bool:
        """Whether to read a window again; raises ApiError after `MAX_READS`."""
        self.client.expect_nothing()
        subject = self.subject(project_id, reading.window)
        if reads < MAX_READS:
            self.logger.info("%s: %s. Reading it again.", subject, reading.moved)
            return True
        if reading.window.end > self.source.last_complete_day:
            self.logger.warning(
                "%s: %s, %d times: the day is not over. The next run reads it again.",
                subject,
                reading.moved,
                reads,
            )
            return False
        message = (
            f"{subject}: {reading.moved}, {reads} times. Rows may be missing, so "
            "the window does not count as read: run the tap again later, or "
            "set a larger `page_size` or a shorter `window_days`, so that a window "
            "fits into one page."
        )
        raise ApiError(message)


def _until_moved(
    reading: Reading, first: Chunk, rest: Iterator[Chunk]
) -> Iterator[Chunk]:
    """The chunks, until rows move; `reading.moved` then says why."""
    yield first
    try:
        yield from rest
    except RowsMovedError as error:
        reading.moved = str(error)
