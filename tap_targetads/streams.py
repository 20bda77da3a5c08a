"""The streams of interactions, from the report raw_reports."""

from __future__ import annotations

from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_targetads.bookmarks import Bookmark
from tap_targetads.catalogue import (
    INTERACTION_TIME,
    PROJECT_ID,
    ROW_KEY,
    fields_of,
    stream_schema,
)
from tap_targetads.keys import RowKeys
from tap_targetads.messages import RecordEncoder
from tap_targetads.progress import Progress
from tap_targetads.reader import PageReader, Query, WindowTooLargeError
from tap_targetads.settings import extra_fields
from tap_targetads.values import converters
from tap_targetads.windows import ONE_DAY, tile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter

    from tap_targetads.tap import TapTargetADS
    from tap_targetads.windows import Window


class InteractionStream(Stream):
    """Interactions of one type, or of several together.

    Rows travel a page at a time: `get_records` writes blocks of finished RECORD lines
    and yields nothing, so that the SDK's machinery, which works record by record and
    costs twenty times more, does not run. Where a setting needs that machinery,
    `get_records` yields the same records one by one instead; `per_record` decides.
    """

    # The converter has already given every value the type that the schema promises.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(
        self,
        tap: TapTargetADS,
        name: str,
        interaction_types: Sequence[str],
        *,
        selected_by_default: bool = True,
    ) -> None:
        """Declare the stream.

        Args:
            tap: The tap.
            name: Name of the stream.
            interaction_types: The API's names of the types that it holds.
            selected_by_default: Whether it is read if no catalog says otherwise.
        """
        self.tap = tap
        self.interaction_types = list(interaction_types)
        self.selected_by_default = selected_by_default
        self.fields = fields_of("raw", extra_fields(tap.config))
        row_key = tap.config.get("row_key", True)
        schema = stream_schema(self.fields.values(), row_key=row_key)
        super().__init__(tap, schema, name)
        self.primary_keys = [ROW_KEY] if row_key else []
        self.replication_key = INTERACTION_TIME
        self._record_counter: Counter | None = None

    @cached_property
    @override
    def partitions(self) -> list[dict[str, Any]]:
        """One partition, and so one state entry, per project."""
        return [{PROJECT_ID: project_id} for project_id in self.tap.tokens]

    @property
    def per_record(self) -> bool:
        """Whether a setting needs the SDK's machinery, record by record."""
        return bool(
            self.config.get("stream_maps")
            or self.config.get("flattening_enabled")
            or self.config.get("batch_config")
            or self.is_dry_run
            or (not self.is_incremental and self.emit_activate_version_messages)
        )

    @property
    def has_row_key(self) -> bool:
        """Whether the records carry `_row_key`."""
        return bool(self.config.get("row_key", True))

    @property
    def is_incremental(self) -> bool:
        """Whether the state counts, and moves."""
        return self.replication_method == REPLICATION_INCREMENTAL

    @property
    def is_dry_run(self) -> bool:
        """Whether the SDK wants a few records only, to test the connection."""
        return self.ABORT_AT_RECORD_COUNT is not None

    @cached_property
    def reader(self) -> PageReader:
        """Reads the pages of this stream with the fields that the catalog selects."""
        settings = self.tap.settings
        page_size = settings.page_size
        if self.ABORT_AT_RECORD_COUNT is not None:
            # One more than the limit: the SDK stops when it sees it.
            page_size = min(page_size, self.ABORT_AT_RECORD_COUNT + 1)
        selected = [f for f in self.fields.values() if self._is_selected(f.name)]
        return PageReader(
            client=self.tap.client,
            query=Query(
                self.name,
                self.interaction_types,
                selected,
                settings.media_campaign_ids,
            ),
            declared=self.fields,
            conversions=converters(settings.calendar.zone),
            page_size=page_size,
            null_bad_values=settings.null_bad_values,
            logger=self.logger,
        )

    def _is_selected(self, name: str) -> bool:
        return self.mask.get(("properties", name), True)

    @override
    def get_record_counter(self, **kwargs: Any) -> Counter:
        # Blocks are counted here; the SDK counts only the records that it is given.
        self._record_counter = super().get_record_counter(**kwargs)
        return self._record_counter

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """No signpost: the bookmark never comes from a record, and so never runs ahead.

        Args:
            context: The partition.
        """

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read one project, window by window.

        Args:
            context: The partition: `{"project_id": …}`.

        Yields:
            Records, if a setting needs them one by one; nothing otherwise.
        """
        project_id: int = (context or {})[PROJECT_ID]
        subject = f"Stream {self.name}, project {project_id}"
        bookmark = Bookmark(self.get_context_state(context), INTERACTION_TIME, subject)
        progress = Progress(self.logger, subject)
        encoder = RecordEncoder(
            self.name, project_id if self._is_selected(PROJECT_ID) else None
        )
        windows = deque(self._plan(bookmark, subject))
        while windows:
            window = windows.popleft()
            keys = RowKeys(project_id, self.name) if self.has_row_key else None
            rows = 0
            try:
                for page in self.reader.pages(
                    project_id, window, whole=self.is_dry_run
                ):
                    rows += len(page.rows)
                    if self.per_record:
                        yield from encoder.records(page.rows, keys)
                    else:
                        self._write(encoder.blocks(page.rows, keys))
                    # Two pages at once would double the memory.
                    del page
            except WindowTooLargeError:
                # Equal rows must be told apart within a window, which takes memory
                # for all of its rows: a window is one page, or else one day.
                last = windows[-1] if windows else window
                windows = deque(tile(window.start, last.end, 1))
                continue
            self._finish(bookmark, window)
            progress.finished(window, rows, windows)
        self.reader.report_bad_values()

    def _write(self, blocks: Iterable[tuple[int, bytes]]) -> None:
        for rows, block in blocks:
            self.tap.writer.write_block(block)
            if self._record_counter is not None:
                self._record_counter.increment(rows)

    def _plan(self, bookmark: Bookmark, subject: str) -> Iterator[Window]:
        """The windows that are still to be read.

        Raises:
            StateError: If the state holds a bookmark that is no time.
        """
        settings, last = self.tap.settings, self.tap.last_complete_day
        if settings.include_today:
            last += ONE_DAY
        if settings.end_date and settings.end_date > last:
            self.logger.warning(
                "%s: `end_date` %s is not over yet; reading up to %s.",
                subject,
                settings.end_date,
                last,
            )
        end = min(settings.end_date or last, last)
        start = settings.start_date
        if start > end:
            self.logger.warning(
                "%s: nothing to read. `start_date` is %s, but the last day to read is "
                "%s.",
                subject,
                start,
                end,
            )
        if self.is_incremental and bookmark.value:
            resume = settings.calendar.first_day_after(bookmark.value)
            start = max(start, resume - settings.lookback_days * ONE_DAY)
            if settings.start_date <= end < start:
                self.logger.info(
                    "%s: nothing to read. The state is complete up to %s.",
                    subject,
                    resume - ONE_DAY,
                )
        return tile(start, end, settings.window_days)

    def _finish(self, bookmark: Bookmark, window: Window) -> None:
        """Note that a window has been written, and tell the target.

        The current day is not over: the state stops before it, so that the next run
        reads it again.
        """
        if self.is_incremental:
            last = min(window.end, self.tap.last_complete_day)
            bookmark.advance(self.tap.settings.calendar.bookmark(last))
            self.tap.state_writer.write_state(self.tap_state)

    # The SDK moves its bookmark with every record, and keeps a starting value beside
    # it while the stream runs. Here the bookmark moves with finished windows only, so
    # both must not touch the state. There is no public switch for either;
    # tests/test_sdk_seams.py fails if a version of the SDK renames them.

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Leave the state to `_finish`."""

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Leave the state to `_finish`."""
