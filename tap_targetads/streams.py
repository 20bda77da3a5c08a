"""The streams of reports: interactions, paths, aggregates."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_targetads.bookmarks import Bookmark
from tap_targetads.catalogue import PROJECT_ID, ROW_KEY
from tap_targetads.jobs import JobReader
from tap_targetads.keys import RowKeys
from tap_targetads.messages import RecordEncoder
from tap_targetads.page_reader import PageReader
from tap_targetads.plan import Plan
from tap_targetads.progress import Progress
from tap_targetads.project_stream import ProjectStream
from tap_targetads.values import converters
from tap_targetads.windows import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter

    from tap_targetads.reader import Reader
    from tap_targetads.reports import Report
    from tap_targetads.tap import TapTargetADS


class ReportStream(ProjectStream):
    """The rows of a report.

    Rows travel a page at a time: `read` writes blocks of finished RECORD lines and
    yields nothing, so that the SDK's machinery, which works record by record and
    costs twenty times more, does not run. Where a setting needs that machinery,
    `read` yields the same records one by one instead; `per_record` decides.
    """

    def __init__(self, tap: TapTargetADS, report: Report) -> None:
        """Declare the stream.

        Args:
            tap: The tap.
            report: What to ask for.
        """
        self.report = report
        self.selected_by_default = report.selected_by_default
        row_key = report.has_row_key and tap.config.get("row_key", True)
        own = [ROW_KEY] if row_key else []
        own += [PROJECT_ID, *report.constant_names]
        keys = [ROW_KEY] if row_key else report.natural_key
        super().__init__(tap, report.name, report.fields, own=own, keys=keys)
        self.replication_key = report.replication_key
        self._record_counter: Counter | None = None
        self._unconfirmed: list[tuple[Bookmark, Window]] = []

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
        """Whether the records carry `_row_key`.

        A catalog made with another value of the setting still holds.
        """
        return ROW_KEY in self.primary_keys

    @property
    def is_incremental(self) -> bool:
        """Whether the state counts, and moves."""
        return self.replication_method == REPLICATION_INCREMENTAL

    @property
    def is_dry_run(self) -> bool:
        """Whether the SDK wants a few records only, to test the connection."""
        return self.ABORT_AT_RECORD_COUNT is not None

    @cached_property
    def reader(self) -> Reader:
        """Reads this stream with the fields that the catalog selects."""
        settings = self.tap.settings
        fields = self.fields.values()
        options: dict[str, Any] = {
            "client": self.tap.client,
            "report": self.report,
            "fields": [field for field in fields if self._is_selected(field.name)],
            "conversions": converters(settings.calendar.zone),
            "null_bad_values": settings.null_bad_values,
            "last_complete_day": self.tap.last_complete_day,
            "logger": self.logger,
        }
        if self.report.api_version == "v2" and not self.is_dry_run:
            return JobReader(jobs=self.tap.jobs, storage=self.tap.storage, **options)
        page_size = settings.page_size
        if self.ABORT_AT_RECORD_COUNT is not None:
            # One more than the limit: the SDK stops when it sees it.
            page_size = min(page_size, self.ABORT_AT_RECORD_COUNT + 1)
        return PageReader(
            page_size=page_size,
            by_day=self.has_row_key and not self.is_dry_run,
            has_keys=bool(self.primary_keys),
            **options,
        )

    @override
    def probe(self, project_id: int, window: Window) -> None:
        self.reader.probe(project_id, window)

    def _is_selected(self, name: str) -> bool:
        """Whether the catalog has a property, and selects it."""
        known = name in self.effective_schema["properties"]
        return known and self.mask.get(("properties", name), True)

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
    def read(self, project_id: int, context: Context | None) -> Iterator[Record]:
        subject = f"Stream {self.name}, project {project_id}"
        plan = Plan(
            settings=self.tap.settings,
            report=self.report,
            last_complete_day=self.tap.last_complete_day,
            logger=self.logger,
            subject=subject,
        )
        bookmark = None
        if plan.period and self.is_incremental and not self.is_dry_run:
            bookmark = Bookmark(
                self.get_context_state(context),
                self.report.replication_key,
                self.tap.settings.calendar,
                plan.period.start,
                subject,
            )
        progress = Progress(self.logger, subject)
        for reading in self.reader.read(project_id, plan.windows(bookmark)):
            constants = self.report.constants(reading.window)
            encoder = self._encoder({PROJECT_ID: project_id, **constants})
            keys = None
            if self.has_row_key:
                keys = RowKeys(
                    project_id,
                    self.name,
                    *constants.values(),
                    weights=self.reader.has_weights,
                )
            rows = 0
            for page in reading.pages:
                rows += len(page.rows)
                if self.per_record:
                    yield from encoder.records(page.rows, keys)
                else:
                    self._write(encoder.blocks(page.rows, keys))
                # Two pages at once would double the memory.
                del page
            if reading.moved:
                continue
            if bookmark:
                self._finish(bookmark, reading.window)
            progress.finished(reading.window, rows, reading.left)
        self.reader.converter.report_bad_values(self.logger)

    def _encoder(self, constants: dict[str, Any]) -> RecordEncoder:
        selected = {n: v for n, v in constants.items() if self._is_selected(n)}
        return RecordEncoder(self.name, selected, self.report.natural_key)

    def _write(self, blocks: Iterable[tuple[int, bytes]]) -> None:
        for rows, block in blocks:
            self.tap.writer.write_block(block)
            if self._record_counter is not None:
                self._record_counter.increment(rows)

    def _finish(self, bookmark: Bookmark, window: Window) -> None:
        """Note that a window has been written, and tell the target.

        The current day is not over: the state stops before it, so that the next run
        reads it again.
        """
        done = Window(window.start, min(window.end, self.tap.last_complete_day))
        if done.days < 1:
            return
        if self.config.get("batch_config"):
            self._unconfirmed.append((bookmark, done))
            return
        bookmark.cover(done)
        self.tap.state_writer.write_state(self.tap_state)

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """The SDK's batches; the state moves when the last of them has been written.

        A batch ends anywhere in a window, and its rows are the target's only then.

        Args:
            batch_config: The batch configuration.
            context: The partition.

        Yields:
            Encoding and files of each batch.
        """
        yield from super().get_batches(batch_config, context)
        for bookmark, window in self._unconfirmed:
            bookmark.cover(window)
        self._unconfirmed.clear()
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
