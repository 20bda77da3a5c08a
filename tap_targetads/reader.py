"""Reads the pages of a window: request, decode, check, convert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_targetads.client import Call
from tap_targetads.errors import ApiError
from tap_targetads.pages import PageDecoder
from tap_targetads.paginator import PagingError, ReportPaginator
from tap_targetads.rows import RowConverter

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_targetads.catalogue import Field, FieldType
    from tap_targetads.client import Client
    from tap_targetads.pages import Page
    from tap_targetads.windows import Window

RAW_REPORTS = "/v1/reports/raw_reports"

PROBE_OFFSET = 1_000_000_000
"""An offset beyond all data: a server that heeds offsets has no rows there."""


class WindowTooLargeError(Exception):
    """A window of several days does not fit into one page."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a stream asks for, apart from project, window and page.

    Attributes:
        stream: Name of the stream.
        interaction_types: The API's names of the types.
        fields: The selected fields.
        media_campaign_ids: Campaigns to which the rows are limited; empty for all.
    """

    stream: str
    interaction_types: Sequence[str]
    fields: Sequence[Field]
    media_campaign_ids: Sequence[int] = ()

    def body(self, window: Window, *, offset: int, limit: int) -> dict[str, Any]:
        """The JSON body of a request (API reference: v1 reports)."""
        interactions: dict[str, Any] = {
            "DateFrom": window.start.isoformat(),
            "DateTo": window.end.isoformat(),
            "InteractionType": list(self.interaction_types),
        }
        if self.media_campaign_ids:
            interactions["MediaCampaignId"] = list(self.media_campaign_ids)
        return {
            "ResponseType": "JSON",
            "Fields": [field.name for field in self.fields],
            "InteractionFilter": interactions,
            "Offset": offset,
            "Limit": limit,
        }

    def subject(self, project_id: int, window: Window) -> str:
        """What is being read, as error lines name it."""
        return f"Stream {self.stream}, project {project_id}, {window}"


class PageReader:
    """Reads windows of one stream, for any of its projects.

    Args:
        client: The transport.
        query: What to ask for.
        declared: Names of all fields that the stream declares, selected or not.
        conversions: The conversion for each field type.
        page_size: Rows per request.
        null_bad_values: Write null for a value that cannot be converted.
        logger: Where warnings go.
    """

    def __init__(  # noqa: PLR0913
        self,
        *,
        client: Client,
        query: Query,
        declared: Iterable[str],
        conversions: Mapping[FieldType, Callable[[Any], Any]],
        page_size: int,
        null_bad_values: bool,
        logger: logging.Logger,
    ) -> None:
        """Prepare decoding and conversion. Nothing is sent yet."""
        self._client = client
        self._query = query
        self._declared = frozenset(declared)
        self._page_size = page_size
        self._logger = logger
        self._decoder = PageDecoder(
            {field.name: field.type for field in query.fields}, self._report_unselected
        )
        self._converter = RowConverter(
            query.stream,
            query.fields,
            self._decoder.row_type,
            conversions,
            null_bad_values=null_bad_values,
        )

    def pages(self, project_id: int, window: Window, *, whole: bool) -> Iterator[Page]:
        """Read a window.

        Args:
            project_id: The project.
            window: The window.
            whole: Read the window however many pages it takes. If not, a window of
                several days has to fit into one page.

        Yields:
            Pages of converted rows.

        Raises:
            WindowTooLargeError: Before the first page, if the window does not fit.
            ApiError: If the API refuses, or its pages contradict each other.
        """
        paginator = ReportPaginator(0, self._page_size)
        previous: tuple[int, bytes] | None = None
        rows = 0
        while True:
            page = self._page(
                project_id, window, paginator.current_value, self._page_size
            )
            try:
                paginator.advance(page)  # type: ignore[arg-type] # see the paginator
            except PagingError as error:
                raise self._error(project_id, window, str(error)) from error
            if not (whole or paginator.finished or window.days == 1):
                raise WindowTooLargeError
            fingerprint = page.fingerprint()
            if fingerprint == previous and page.rows:
                self._check_offset_counts(project_id, window)
            previous = fingerprint
            rows += len(page.rows)
            self._converter.convert(page.rows, strict=page.strict)
            counted, on_page = page.count, len(page.rows)
            yield page
            # Two pages at once would double the memory.
            del page
            if paginator.finished:
                break
        if counted not in {None, on_page, rows}:
            self._logger.warning(
                "%s: the API counted %s rows, but delivered %d.",
                self._query.subject(project_id, window),
                counted,
                rows,
            )

    def _page(self, project_id: int, window: Window, offset: int, limit: int) -> Page:
        call = Call(
            method="POST",
            path=RAW_REPORTS,
            project_id=project_id,
            subject=self._query.subject(project_id, window),
            body=self._query.body(window, offset=offset, limit=limit),
            stream=self._query.stream,
        )
        return self._client.send(call, self._decoder.decode).page

    def _check_offset_counts(self, project_id: int, window: Window) -> None:
        """Make sure that the server heeds `Offset`.

        Two pages that look the same may be equal rows, or the same page twice. Only
        a server that ignores the offset has rows beyond all data.
        """
        if self._page(project_id, window, PROBE_OFFSET, 1).rows:
            problem = "the API ignores `Offset` and sends the same page again"
            raise self._error(project_id, window, problem)

    def _error(self, project_id: int, window: Window, problem: str) -> ApiError:
        return ApiError(
            f"{self._query.subject(project_id, window)}: {problem}. Nothing of this "
            "window counts as read. Report it to the vendor, or set a shorter "
            "`window_days`, so that a window fits into one page."
        )

    def _report_unselected(self, names: Iterable[str]) -> None:
        unknown = sorted(set(names) - self._declared)
        if unknown:
            self._logger.warning(
                "Stream %s: the API sends fields that nobody declared: %s. To keep "
                "them, add them to the setting `extra_fields`.",
                self._query.stream,
                ", ".join(unknown),
            )

    def report_bad_values(self) -> None:
        """Tell how many values became null because they could not be converted."""
        for name, count in sorted(self._converter.bad_values.items()):
            self._logger.warning(
                "Stream %s: %d values of %s could not be converted and became null.",
                self._query.stream,
                count,
                name,
            )
        self._converter.bad_values.clear()
