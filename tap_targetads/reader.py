"""Reads the windows of a stream: request, decode, check, convert."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_targetads.client import Call
from tap_targetads.errors import ApiError
from tap_targetads.pages import PageDecoder
from tap_targetads.paginator import PagingError, ReportPaginator
from tap_targetads.rows import RowConverter, RowType, is_weight
from tap_targetads.windows import tile

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from tap_targetads.catalogue import Field, FieldType
    from tap_targetads.client import Client
    from tap_targetads.pages import Page
    from tap_targetads.reports import Report
    from tap_targetads.windows import Window

PROBE_OFFSET = 1_000_000_000
"""An offset beyond all data: a server that heeds offsets has no rows there."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A window that is being read.

    Attributes:
        window: The window.
        pages: Its pages of converted rows, each read when it is asked for.
        left: The windows that are read after it.
    """

    window: Window
    pages: Iterator[Page]
    left: Collection[Window]


class Reader(ABC):
    """Reads a stream, for any of its projects.

    Args:
        client: The transport.
        report: What to ask for.
        fields: The selected fields.
        conversions: The conversion for each field type.
        null_bad_values: Write null for a value that cannot be converted.
        logger: Where warnings go.
    """

    def __init__(  # noqa: PLR0913
        self,
        *,
        client: Client,
        report: Report,
        fields: Collection[Field],
        conversions: Mapping[FieldType, Callable[[Any], Any]],
        null_bad_values: bool,
        logger: logging.Logger,
    ) -> None:
        """Prepare decoding and conversion. Nothing is sent yet."""
        self.client = client
        self.report = report
        self.logger = logger
        self.types = {field.name: field.type for field in fields}
        # A request without fields is refused: ask for one that is then dropped.
        self.asked = list(fields) or list(report.fields.values())[:1]
        self.row_type = RowType(self.types)
        self.has_weights = any(map(is_weight, self.types))
        keys = set(report.natural_key)
        if report.day_field and not null_bad_values:
            keys.add(report.day_field)
        self.parts = report.parts()
        self.converter = RowConverter(
            report.name,
            fields,
            self.row_type,
            conversions,
            needed=[f.name for f in fields if f.name in keys and f.type != "string"],
            day_field=report.day_field if report.day_field in self.types else None,
            null_bad_values=null_bad_values,
        )

    @abstractmethod
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        """Read windows in order.

        Args:
            project_id: The project.
            windows: The windows; they may be read in smaller ones.
        """

    @abstractmethod
    def probe(self, project_id: int, window: Window) -> None:
        """Find out, as cheaply as possible, whether the stream can be read.

        Raises:
            ApiError: If it cannot.
        """

    def subject(self, project_id: int, window: Window) -> str:
        """What is being read, as error lines name it."""
        return f"Stream {self.report.name}, project {project_id}, {window}"

    def report_unselected(self, names: Iterable[str]) -> None:
        """Tell of fields that the API sends although nobody declared them."""
        unknown = sorted(set(names) - set(self.report.fields))
        if unknown:
            self.logger.warning(
                "Stream %s: the API sends fields that nobody declared: %s. To keep "
                "them, add them to the setting `extra_fields`.",
                self.report.name,
                ", ".join(unknown),
            )


class WindowTooLargeError(Exception):
    """A window of several days does not fit into one page."""


class PageReader(Reader):
    """Reads page by page, from the synchronous reports of the API's version 1.

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
        self._page_size = page_size
        self._by_day = by_day
        self._decoder = PageDecoder(self.types, self.report_unselected)

    @override
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        pending = deque(windows)
        while pending:
            window = pending.popleft()
            pages = self._pages(project_id, window)
            try:
                first = [next(pages)]
            except WindowTooLargeError:
                last = pending[-1] if pending else window
                pending = deque(tile(window.start, last.end, 1))
                continue
            yield Reading(window, _rejoined(first, pages), pending)

    @override
    def probe(self, project_id: int, window: Window) -> None:
        self._page(project_id, window, self.parts[0], 0, 1)

    def _pages(self, project_id: int, window: Window) -> Iterator[Page]:
        """Read a window, all parts of the report."""
        by_day = self._by_day
        for part in self.parts:
            yield from self._part(project_id, window, part, by_day=by_day)
            by_day = False  # rows have been delivered: it is too late to begin anew

    def _part(
        self, project_id: int, window: Window, report: Report, *, by_day: bool
    ) -> Iterator[Page]:
        """Read a part of a window.

        Yields:
            Pages of converted rows, at least one.

        Raises:
            WindowTooLargeError: Before the first page, if the window does not fit.
            ApiError: If the API refuses, or its pages contradict each other.
        """
        paginator = ReportPaginator(0, self._page_size)
        previous: tuple[int, bytes] | None = None
        rows = 0
        while True:
            offset = paginator.current_value
            page = self._page(project_id, window, report, offset, self._page_size)
            try:
                paginator.advance(page)  # type: ignore[arg-type] # see the paginator
            except PagingError as error:
                raise self._error(project_id, window, str(error)) from error
            if by_day and window.days > 1 and not paginator.finished:
                raise WindowTooLargeError
            fingerprint = page.fingerprint()
            if fingerprint == previous and page.rows:
                self._check_offset_counts(project_id, window, report)
            previous = fingerprint
            rows += len(page.rows)
            self.converter.convert(page.rows, strict=page.strict)
            counted, on_page = page.count, len(page.rows)
            yield page
            # Two pages at once would double the memory.
            del page
            if paginator.finished:
                break
        if counted not in {None, on_page, rows}:
            self.logger.warning(
                "%s: the API counted %s rows, but delivered %d.",
                self.subject(project_id, window),
                counted,
                rows,
            )

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
        )
        return self.client.send(call, self._decoder.decode).page

    def _check_offset_counts(
        self, project_id: int, window: Window, report: Report
    ) -> None:
        """Make sure that the server heeds `Offset`.

        Two pages that look the same may be equal rows, or the same page twice. Only
        a server that ignores the offset has rows beyond all data.
        """
        if self._page(project_id, window, report, PROBE_OFFSET, 1).rows:
            problem = "the API ignores `Offset` and sends the same page again"
            raise self._error(project_id, window, problem)

    def _error(self, project_id: int, window: Window, problem: str) -> ApiError:
        return ApiError(
            f"{self.subject(project_id, window)}: {problem}. Nothing of this window "
            "counts as read. Report it to the vendor, or set a shorter "
            "`window_days`, so that a window fits into one page."
        )


def _rejoined(first: list[Page], rest: Iterator[Page]) -> Iterator[Page]:
    """The pages with the one that was already taken; none is kept longer than used."""
    yield first.pop()
    yield from rest
